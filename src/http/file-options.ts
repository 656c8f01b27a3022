/** What the sender of files says of all of them: JSON in a query parameter or in a field of the form. */
import { Faults, isJsonObject } from '../core/faults.ts'
import { MAX_FILE_NAME_BYTES, MAX_UPLOAD_OPTIONS_BYTES } from '../core/limits.ts'
import { textFault } from '../core/canonical-json.ts'
import { utf8Length } from '../core/bytes.ts'
import { asProblem, invalidField, Problem } from '../core/problem.ts'
import type { FileOptions } from '../files/files-api.ts'
import { parseAcl, refuseAcl } from '../ingest/acl.ts'
import { parseMetadata } from '../ingest/validate-document.ts'
import type { Principal } from '../tenancy/principal.ts'
import { isLanguageTag } from '../text/language.ts'
import { checkJson } from './parse-json.ts'
import { fileOptionsSchema } from './schemas/file.ts'
import { parseWith } from './schema-faults.ts'

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/

/** Where the options stand in every refusal. */
const AT = '/options'

/** @throws forbidden for an acl from who may set none, invalid_request */
export function parseFileOptions(text: string, principal: Pick<Principal, 'kind'>): FileOptions {
  const value = optionsJson(text)
  refuseOptionsAcl(value, principal)
  return under(AT, () => {
    checkJson(value)
    const { language, metadata, acl } = parseWith(fileOptionsSchema, value)
    const faults = new Faults()
    if (language !== undefined && language !== 'auto' && !isLanguageTag(language)) {
      faults.add('/language', 'must be a BCP 47 language tag or auto')
    }
    if (metadata !== undefined) parseMetadata(metadata, '/metadata', faults)
    if (acl !== undefined) parseAcl(acl, '/acl', faults)
    faults.throwIfAny()
    // JSON holds no `undefined`: a member that is optional is there or is not.
    return value as FileOptions
  })
}

/** Refuses an acl before anything else is said of the options. @throws forbidden */
export function refuseOptionsAcl(options: unknown, principal: Pick<Principal, 'kind'>): void {
  under(AT, () => refuseAcl(options, principal))
}

/** For what is looked at before it is checked: `undefined` where it is no JSON. */
export function peekOptions(text: string | null): unknown {
  try {
    return text === null ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function optionsJson(text: string): unknown {
  if (utf8Length(text) > MAX_UPLOAD_OPTIONS_BYTES) {
    throw invalidField(AT, `must be at most ${MAX_UPLOAD_OPTIONS_BYTES} bytes`)
  }
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch {
    throw invalidField(AT, 'is not valid JSON')
  }
  throw invalidField(AT, 'must be an object')
}

/** Runs a parser that knows nothing of where its value stands. */
function under<T>(pointer: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const problem = asProblem(error)
    if (problem?.errors === undefined) throw error
    const errors = problem.errors.map((fault) => ({ ...fault, pointer: pointer + fault.pointer }))
    const [first] = errors
    const detail = first === undefined || errors.length > 1 ? problem.message : `${first.pointer} ${first.detail}`
    throw new Problem(problem.code, detail, { errors })
  }
}

/** Says what is wrong with the name of a file, or `undefined`: it is a path that leads nowhere else. */
export function fileNameFault(name: string): string | undefined {
  if (name === '') return 'must not be empty'
  const fault = textFault(name)
  if (fault !== undefined) return fault
  if (utf8Length(name) > MAX_FILE_NAME_BYTES) return `must be at most ${MAX_FILE_NAME_BYTES} bytes`
  if (CONTROL_CHARACTER.test(name)) return 'must not contain control characters'
  if (name.includes('\\')) return 'must not contain backslashes'
  const segments = name.split('/')
  if (segments[0] === '' || /^[A-Za-z]:$/.test(segments[0] ?? '')) return 'must be relative'
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return 'must not have empty segments, . or ..'
  }
  return undefined
}
