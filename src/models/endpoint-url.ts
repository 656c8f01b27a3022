/** Which addresses of providers may be stored and called. */
import { MAX_PUBLIC_URL_LENGTH, publicUrlFault } from '../egress/public-url.ts'

/** Where clouds hand out the credentials of a machine to whoever runs on it. Never a model. */
const METADATA_HOSTS =
  /^(?:169\.254\.\d+\.\d+|100\.100\.100\.200|168\.63\.129\.16|192\.0\.0\.192|\[fe[89ab][0-9a-f]:.*\]|\[fd00:ec2:.*\]|\[(?:::ffff:|64:ff9b::)a9fe:.*\]|(?:metadata|instance-data)(?:\..*)?)\.?$/

/**
 * Why a provider may not be called at a URL, as an error's detail; `undefined` where it may. Public https unless the operator
 * allows private endpoints, which may be plain http as well: Ollama on the same machine has no certificate.
 */
export function endpointUrlFault(text: string, allowsPrivate: boolean): string | undefined {
  if (!allowsPrivate) return publicUrlFault(text)
  if (text.length > MAX_PUBLIC_URL_LENGTH) return `must have at most ${MAX_PUBLIC_URL_LENGTH} characters`
  if (/[\s\\]|\p{Cc}/u.test(text)) return 'must not contain white space, backslashes or control characters'
  const authority = /^https?:\/\/([^/?#]+)/i.exec(text)?.[1]
  if (authority === undefined) return 'must begin with https:// or http:// and a host'
  if (authority.includes('@')) return 'must not contain credentials'
  const url = URL.parse(text)
  if (url === null) return 'must be a URL'
  if (url.hash !== '') return 'must not contain a fragment'
  return METADATA_HOSTS.test(url.hostname) ? 'must not name a host of credentials' : undefined
}

/** The same for a URL to which paths are appended: it must have no query. */
export function baseUrlFault(text: string, allowsPrivate: boolean): string | undefined {
  const fault = endpointUrlFault(text, allowsPrivate)
  if (fault !== undefined) return fault
  if (text.includes('#')) return 'must not contain a fragment'
  return text.includes('?') ? 'must not contain a query' : undefined
}
