/** The `Prefer` header (RFC 7240). What is unknown or malformed in it is no error: preferences are wishes. */
import type { WritePreference } from '../ingest/put-request.ts'

/** The first mention of a preference counts. */
export function parsePrefer(header: string | null): WritePreference {
  let respondAsync = false
  let waitSeconds: number | undefined
  for (const preference of (header ?? '').split(',')) {
    const [name = '', value = ''] = (preference.split(';')[0] ?? '').split('=')
    const token = name.trim().toLowerCase()
    if (token === 'respond-async') respondAsync = true
    const seconds = /^"?([0-9]{1,9})"?$/.exec(value.trim())?.[1]
    if (token === 'wait' && seconds !== undefined) waitSeconds ??= Number(seconds)
  }
  return { respondAsync, ...(waitSeconds === undefined ? {} : { waitSeconds }) }
}
