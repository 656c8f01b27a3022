/**
 * The deep check of a `PUT …/documents` body: shapes, sizes, and every string that will be stored. The whole request is
 * refused if anything is wrong, with one pointer for each fault. What only the collection can tell is checked in
 * `put-documents.ts`.
 */
import { textFault, type JsonObject } from '../core/canonical-json.ts'
import { utf8Length } from '../core/bytes.ts'
import { Faults, isJsonObject, pointerTo } from '../core/faults.ts'
import {
  MAX_DOCUMENTS_PER_CALL,
  MAX_DOCUMENT_ID_BYTES,
  MAX_DOCUMENT_TEXT_BYTES,
  MAX_METADATA_BYTES,
  MAX_TITLE_BYTES,
  MAX_URL_BYTES,
} from '../core/limits.ts'
import { isLanguageTag } from '../text/language.ts'
import { parseAcl } from './acl.ts'
import { parseChunks, type ChunkInput } from './caller-chunks.ts'
import { parseVector, parseVectors } from './caller-vectors.ts'
import type { DocumentInput, PutDocumentsRequest } from './put-request.ts'

const KNOWN = new Set([
  'id',
  'text',
  'markdown',
  'html',
  'title',
  'url',
  'language',
  'metadata',
  'chunks',
  'vector',
  'vectors',
  'acl',
])
const CONTENT_FIELDS = ['text', 'markdown', 'html'] as const
/** Deeper metadata is refused before anything recurses into it. */
const MAX_METADATA_DEPTH = 32
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/

/**
 * Turns an untrusted body into a request.
 * @throws invalid_request or not_supported, listing every fault (the first 100)
 */
export function parsePutRequest(body: unknown): PutDocumentsRequest {
  const faults = new Faults()
  const documents: DocumentInput[] = []
  if (!isJsonObject(body)) faults.add('', 'must be an object')
  else {
    faults.checkMembers(body, '', new Set(['documents', 'dryRun']))
    if (![undefined, true, false].includes(body['dryRun'] as boolean | undefined)) {
      faults.add('/dryRun', 'must be true or false')
    }
    const inputs: unknown = body['documents']
    if (!Array.isArray(inputs) || inputs.length === 0 || inputs.length > MAX_DOCUMENTS_PER_CALL) {
      faults.add('/documents', `must be an array of 1 to ${MAX_DOCUMENTS_PER_CALL} documents`)
    } else {
      const ids = new Set<string>()
      for (const [index, input] of inputs.entries()) {
        const pointer = `/documents/${index}`
        const document = parseDocument(input, pointer, faults)
        if (ids.has(document.id)) faults.add(`${pointer}/id`, 'is the id of an earlier document of this request')
        else if (document.id !== '') ids.add(document.id)
        documents.push(document)
      }
    }
  }
  faults.throwIfAny()
  const isDryRun = isJsonObject(body) && body['dryRun'] === true
  return { documents, ...(isDryRun ? { dryRun: true } : {}) } as unknown as PutDocumentsRequest
}

/** Says what is wrong with a document id, or `undefined`. */
export function idFault(id: unknown): string | undefined {
  if (typeof id !== 'string') return 'must be a string'
  if (id === '') return 'must not be empty'
  const fault = textFault(id)
  if (fault !== undefined) return fault
  if (utf8Length(id) > MAX_DOCUMENT_ID_BYTES) return `must be at most ${MAX_DOCUMENT_ID_BYTES} bytes`
  if (CONTROL_CHARACTER.test(id)) return 'must not contain control characters'
  if (id === '.' || id === '..') return 'must not be . or ..'
  return undefined
}

/** Checks one document of a request; every fault is added under `pointer`. */
export function parseDocument(input: unknown, pointer: string, faults: Faults): DocumentInput {
  if (!isJsonObject(input)) {
    faults.add(pointer, 'must be an object')
    return { id: '' }
  }
  faults.checkMembers(input, pointer, KNOWN)
  const { id, title, url, language, metadata, vector, vectors, acl } = input
  const wrongId = idFault(id)
  if (wrongId !== undefined) faults.add(`${pointer}/id`, wrongId)
  checkContent(input, pointer, faults)
  if (vector !== undefined && vectors !== undefined) faults.add(`${pointer}/vectors`, 'must not stand beside vector')
  return {
    id: typeof id === 'string' ? id : '',
    ...pickContent(input),
    ...(title === undefined ? {} : { title: parseTitle(title, `${pointer}/title`, faults) }),
    ...(url === undefined ? {} : { url: parseUrl(url, `${pointer}/url`, faults) }),
    ...(language === undefined ? {} : { language: parseLanguage(language, `${pointer}/language`, faults) }),
    ...(metadata === undefined ? {} : { metadata: parseMetadata(metadata, `${pointer}/metadata`, faults) }),
    ...(acl === undefined ? {} : { acl: parseAcl(acl, `${pointer}/acl`, faults) }),
    ...checkChunks(input, pointer, faults),
    ...(vector === undefined ? {} : { vector: parseVector(vector, `${pointer}/vector`, faults) }),
    ...(vectors === undefined ? {} : { vectors: parseVectors(vectors, `${pointer}/vectors`, faults) }),
  }
}

function pickContent(input: Record<string, unknown>): Pick<DocumentInput, 'text' | 'markdown' | 'html'> {
  const field = CONTENT_FIELDS.find((name) => input[name] !== undefined)
  return field === undefined ? {} : { [field]: input[field] }
}

function checkChunks(
  { chunks, text, markdown, html, vector, vectors }: Record<string, unknown>,
  pointer: string,
  faults: Faults,
): { chunks?: readonly ChunkInput[] } {
  if (chunks === undefined) return {}
  const at = `${pointer}/chunks`
  const hasVector = vector !== undefined || vectors !== undefined
  const other = html === undefined ? (hasVector ? 'a vector' : undefined) : 'html'
  if (other !== undefined) {
    faults.add(at, `must not stand beside ${other}`)
    return {}
  }
  const parsed = parseChunks(chunks, text ?? markdown, at, faults)
  return parsed === undefined ? {} : { chunks: parsed }
}

function checkContent(input: Record<string, unknown>, pointer: string, faults: Faults): void {
  const present = CONTENT_FIELDS.filter((name) => input[name] !== undefined)
  const hasVector = input['vector'] !== undefined || input['vectors'] !== undefined
  if (present.length === 0 && !hasVector && input['chunks'] === undefined) {
    faults.add(`${pointer}/text`, 'is required, or markdown, html, chunks or a vector')
  }
  for (const [place, field] of present.entries()) {
    const at = `${pointer}/${field}`
    if (place > 0) {
      faults.add(at, `must not stand beside ${present[0]}`)
      continue
    }
    const content = faults.text(input[field], at)
    if (content === undefined) continue
    if (content.trim() === '' && !hasVector) faults.add(at, 'must not be empty')
    else if (utf8Length(content) > MAX_DOCUMENT_TEXT_BYTES) {
      faults.add(at, `must be at most ${MAX_DOCUMENT_TEXT_BYTES} bytes`)
    }
  }
}

/** Checks a title; also for PATCH. Gives `''` with a fault for anything else. */
export function parseTitle(value: unknown, pointer: string, faults: Faults): string {
  const title = faults.text(value, pointer)
  if (title !== undefined && utf8Length(title) > MAX_TITLE_BYTES) {
    faults.add(pointer, `must be at most ${MAX_TITLE_BYTES} bytes`)
  }
  return title ?? ''
}

/** Checks that a link can be followed from a page of hits: absolute, http or https. Kept as it was sent. */
export function parseUrl(value: unknown, pointer: string, faults: Faults): string {
  const url = faults.text(value, pointer)
  if (url === undefined) return ''
  if (utf8Length(url) > MAX_URL_BYTES) faults.add(pointer, `must be at most ${MAX_URL_BYTES} bytes`)
  else if (!URL.canParse(url) || !/^https?:\/\//i.test(url))
    faults.add(pointer, 'must be an absolute http or https URL')
  return url
}

function parseLanguage(value: unknown, pointer: string, faults: Faults): string {
  if (value === 'auto' || (typeof value === 'string' && isLanguageTag(value))) return value
  faults.add(pointer, 'must be a BCP 47 language tag or auto')
  return 'auto'
}

/** Checks metadata; also the outcome of a PATCH. Gives `{}` with a fault for anything else. */
export function parseMetadata(value: unknown, pointer: string, faults: Faults): JsonObject {
  if (!isJsonObject(value)) {
    faults.add(pointer, 'must be an object')
    return {}
  }
  if (!checkMetadata(value, pointer, 1, faults)) return {}
  const bytes = utf8Length(JSON.stringify(value))
  if (bytes > MAX_METADATA_BYTES) faults.add(pointer, `must be at most ${MAX_METADATA_BYTES} bytes as JSON`)
  return value as JsonObject
}

/** Walks a JSON value; false when it is too deep to go on. */
function checkMetadata(value: unknown, pointer: string, depth: number, faults: Faults): boolean {
  if (typeof value === 'string') faults.text(value, pointer)
  else if (typeof value === 'number' && !Number.isFinite(value)) faults.add(pointer, 'must be a finite number')
  if (typeof value !== 'object' || value === null) return true
  if (depth > MAX_METADATA_DEPTH) {
    faults.add(pointer, `must not be nested deeper than ${MAX_METADATA_DEPTH}`)
    return false
  }
  if (Array.isArray(value)) {
    return value.every((item, index) => checkMetadata(item, pointerTo(pointer, index), depth + 1, faults))
  }
  return Object.entries(value).every(([name, member]) => {
    const at = pointerTo(pointer, name.toWellFormed())
    const fault = textFault(name)
    if (fault !== undefined) faults.add(at, `the field's name ${fault}`)
    if (name.startsWith('$')) faults.add(at, 'names that start with $ are reserved')
    return checkMetadata(member, at, depth + 1, faults)
  })
}
