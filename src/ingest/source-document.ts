/**
 * From what a caller sent to what a shard stores: line ends, the text of html, the declared or inherited language, and the
 * content hash that tells whether anything changed.
 */
import { canonicalJson, type JsonObject } from '../core/canonical-json.ts'
import { hex, sha256, utf8, utf8Length } from '../core/bytes.ts'
import { MAX_TITLE_BYTES } from '../core/limits.ts'
import { invalidField } from '../core/problem.ts'
import type { CollectionRecord } from '../catalog/records.ts'
import { namedVectorsOf } from '../models/named-vectors.ts'
import { parseHtml } from '../parsing/html.ts'
import { normaliseNewlines } from '../parsing/normalise.ts'
import type { SourceDocument } from '../shard/shard-api.ts'
import { outlineOfChunks } from './caller-chunks.ts'
import { packCallerVectors } from './caller-vectors.ts'
import type { DocumentInput } from './put-request.ts'
import { vectorKeyOfVector } from './vector-key.ts'

/** A document ready to be begun; `vector` is the caller's own, or its named ones packed. */
export interface AcceptedDocument {
  readonly source: SourceDocument
  readonly vector?: Float32Array
}

type Unhashed = Omit<SourceDocument, 'contentHash'>

/**
 * Normalises one validated document. `pointer` is its place in the request.
 * @throws invalid_request when html holds no text and there is no vector either
 */
export async function acceptDocument(
  input: DocumentInput,
  collection: CollectionRecord,
  pointer: string,
): Promise<AcceptedDocument> {
  const { id, url, acl } = input
  const content = contentOf(input)
  const vector = vectorOf(input, collection)
  if (content.text.trim() === '' && vector === undefined) throw invalidField(`${pointer}/html`, 'holds no text')
  const title = input.title ?? content.title
  const source = await hashed(
    {
      id,
      ...(title === undefined ? {} : { title }),
      ...(url === undefined ? {} : { url }),
      language: input.language ?? collection.language,
      metadata: input.metadata ?? {},
      ...(acl === undefined ? {} : { acl }),
      format: content.format,
      text: content.text,
      ...(content.outline === undefined ? {} : { outline: content.outline }),
    },
    collection,
    vector,
  )
  return vector === undefined ? { source } : { source, vector }
}

function vectorOf({ vector, vectors }: DocumentInput, { generation }: CollectionRecord): Float32Array | undefined {
  if (vector !== undefined) return Float32Array.from(vector)
  const named = namedVectorsOf(generation.model)
  return named === undefined || vectors === undefined ? undefined : packCallerVectors(named, vectors)
}

interface Content extends Pick<SourceDocument, 'format' | 'text' | 'outline'> {
  readonly title?: string
}

function contentOf({ text, markdown, html, chunks }: DocumentInput): Content {
  if (chunks !== undefined) {
    const format = markdown === undefined ? 'text' : 'markdown'
    return { format, ...outlineOfChunks(chunks, markdown ?? text) }
  }
  if (markdown !== undefined) return { format: 'markdown', text: normaliseNewlines(markdown) }
  if (html === undefined) return { format: 'text', text: normaliseNewlines(text ?? '') }
  const parsed = parseHtml(normaliseNewlines(html))
  const title = parsed.title?.trim()
  return {
    format: 'html',
    text: parsed.text,
    outline: parsed.outline,
    ...(title === undefined || title === '' || utf8Length(title) > MAX_TITLE_BYTES ? {} : { title }),
  }
}

/**
 * Adds the content hash: hex SHA-256 over the canonical JSON of everything that is stored of the caller's fields and of
 * the generation's profile. It is taken after normalisation, so that line ends alone change nothing, and a PATCH can
 * compute what the equal PUT would.
 */
export async function hashed(
  document: Unhashed,
  collection: CollectionRecord,
  vector: Float32Array | undefined,
): Promise<SourceDocument> {
  const vectorKey = vector === undefined ? undefined : await vectorKeyOfVector(vector)
  return { ...document, contentHash: await hashOfSource(document, collection, vectorKey) }
}

/** The content hash alone; `vectorKey` names what the caller brought: its vector, or its named ones packed. */
export async function hashOfSource(
  document: Unhashed,
  { generation }: { readonly generation: Pick<CollectionRecord['generation'], 'profileId' | 'dimensions' | 'model'> },
  vectorKey: string | undefined,
): Promise<string> {
  const { profileId, dimensions, model } = generation
  const vectors = namedVectorsOf(model)
  const made = { profileId, dimensions, ...(vectors === undefined ? {} : { vectors }), vectorKey: vectorKey ?? null }
  return hex(await sha256(utf8(canonicalJson({ ...document, ...made }))))
}

/** RFC 7396: members of `patch` replace, `null` removes, objects merge. Never mutates its arguments. */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const members = new Map(Object.entries(target))
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) {
      members.delete(name)
    } else if (typeof change === 'object' && !Array.isArray(change)) {
      const old = members.get(name)
      members.set(name, mergePatch(typeof old === 'object' && old !== null && !Array.isArray(old) ? old : {}, change))
    } else {
      members.set(name, change)
    }
  }
  // `fromEntries` defines its members, so that a field named `__proto__` stays a field.
  return Object.fromEntries(members)
}
