/**
 * Lists the files and folders of an upload, and turns json and jsonl into documents, one an object (BEIR's `_id` is taken as
 * the id). Names of files are their relative paths, so that a repeated upload replaces and never doubles.
 */
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { dirname, extname, relative, resolve, sep } from 'node:path'
import type { DocumentInput } from '../client/client.ts'
import { linesOf } from './lines.ts'
import { UsageError } from './options.ts'
import { walkFolder } from './walk-folder.ts'
import type { FolderContent, FolderFile } from './walk-folder.ts'

/** Files that hold documents as the API takes them; all others are sent as they are. */
const HOLD_DOCUMENTS: ReadonlySet<string> = new Set(['.json', '.jsonl', '.ndjson'])

export const holdsDocuments = (path: string): boolean => HOLD_DOCUMENTS.has(extname(path).toLowerCase())

const FIELDS = new Set(['id', 'text', 'markdown', 'html', 'title', 'url', 'language', 'metadata', 'acl'])

/** A document with the share of the file's bytes it stands for, for the progress bar. */
export interface ReadDocument {
  readonly document: DocumentInput
  /** The file's id, for jsonl with the line: `dump.jsonl:7`. */
  readonly source: string
  readonly bytes: number
}

/** Lists the files to upload, each once; a file that is named itself is sent whatever it is. @throws UsageError */
export function listFiles(paths: readonly string[], folder: string, exclude: readonly string[] = []): FolderContent {
  const files = new Map<string, FolderFile>()
  const passedOver = new Set<string>()
  for (const given of paths) {
    const root = resolve(folder, given)
    const stat = statSync(root, { throwIfNoEntry: false })
    if (stat === undefined) throw new UsageError(`there is no ${given}`)
    const found = stat.isDirectory()
      ? walkFolder(root, exclude)
      : { files: [{ path: root, name: given, bytes: stat.size }], passedOver: [] }
    for (const path of found.passedOver) passedOver.add(path)
    for (const { path, bytes } of found.files) files.set(path, { path, name: idOf(path, root, folder), bytes })
  }
  return { files: [...files.values()], passedOver: [...passedOver] }
}

/** The path from where the command runs, or, for what lies elsewhere, from beside what was named. */
function idOf(path: string, root: string, folder: string): string {
  const here = relative(folder, path)
  const id = here.startsWith('..') ? relative(dirname(root), path) : here
  return id.split(sep).join('/')
}

/** Reads one file of documents, lazily for jsonl. @throws UsageError for json that is none */
export async function* readDocuments(file: FolderFile): AsyncGenerator<ReadDocument> {
  if (extname(file.path).toLowerCase() !== '.json') {
    yield* readLines(file)
    return
  }
  const values = jsonDocuments(parse(readFileSync(file.path, 'utf8').replace(/^\uFEFF/, ''), file.name))
  for (const [index, value] of values.entries()) {
    const fallback = values.length === 1 ? file.name : `${file.name}#${index + 1}`
    yield { document: documentOf(value, fallback, file.name), source: file.name, bytes: file.bytes / values.length }
  }
}

async function* readLines(file: FolderFile): AsyncGenerator<ReadDocument> {
  let number = 0
  for await (const line of linesOf(createReadStream(file.path))) {
    number++
    if (line.trim() === '') continue
    const source = `${file.name}:${number}`
    const bytes = Buffer.byteLength(line) + 1
    yield { document: documentOf(parse(line, source), `${file.name}#${number}`, source), source, bytes }
  }
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${where}: ${(error as Error).message}`)
  }
}

/** A list, an object that has one under `documents`, or one document. */
function jsonDocuments(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  const { documents } = (value ?? {}) as { documents?: unknown }
  return Array.isArray(documents) ? documents : [value]
}

/** Known fields are the document's own, every other becomes metadata. */
function documentOf(value: unknown, fallbackId: string, where: string): DocumentInput {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${where}: a document is a JSON object`)
  }
  const { _id, ...fields } = value as Record<string, unknown>
  const given = fields['id'] ?? _id ?? fallbackId
  const known = Object.fromEntries(
    // An empty `acl` is a mistake for the server to refuse: left out, it would show the document to everyone.
    Object.entries(fields).filter(
      ([name, field]) => FIELDS.has(name) && (field !== '' || name === 'acl') && field !== null,
    ),
  )
  const others = Object.entries(fields).filter(([name]) => !FIELDS.has(name))
  const metadata = { ...Object.fromEntries(others), ...(fields['metadata'] as Record<string, unknown> | undefined) }
  return {
    ...known,
    id: typeof given === 'number' ? String(given) : (given as string),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  }
}
