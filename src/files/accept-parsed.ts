/** From what a parser found to what a shard stores, by the rules that hold for every document. */
import type { CollectionRecord } from '../catalog/records.ts'
import { Faults } from '../core/faults.ts'
import { invalidField } from '../core/problem.ts'
import { hashed } from '../ingest/source-document.ts'
import { idFault, parseMetadata } from '../ingest/validate-document.ts'
import type { ParsedDocument } from '../parsing/parsed-document.ts'
import type { SourceDocument } from '../shard/shard-api.ts'
import type { FileOptions } from './files-api.ts'

/** Its own id, else the file's name, with a key where the file makes several. */
export const documentIdOf = ({ id, key }: ParsedDocument, name: string): string =>
  id ?? (key === '' ? name : `${name}/${key}`)

/**
 * What the upload says of all its documents stands above what a document says of itself.
 * @throws invalid_request for an id or metadata that no document may have
 */
export async function acceptParsed(
  document: ParsedDocument,
  id: string,
  { language, metadata, acl }: FileOptions,
  collection: CollectionRecord,
  fileUrl: string | undefined,
): Promise<SourceDocument> {
  const wrongId = idFault(id)
  if (wrongId !== undefined) throw invalidField('/id', `the document's id ${wrongId}`)
  const faults = new Faults()
  const all = parseMetadata({ ...document.metadata, ...metadata }, '/metadata', faults)
  faults.throwIfAny()
  // Where a page was fetched is known; that it belongs elsewhere, it only claims.
  const url = fileUrl ?? document.url
  const { title, format, text, outline } = document
  return hashed(
    {
      id,
      ...(title === undefined ? {} : { title }),
      ...(url === undefined ? {} : { url }),
      language: language ?? document.language ?? collection.language,
      metadata: all,
      ...(acl === undefined ? {} : { acl }),
      format,
      text,
      ...(outline === undefined ? {} : { outline }),
    },
    collection,
    undefined,
  )
}
