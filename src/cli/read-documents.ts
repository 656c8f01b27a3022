/**
 * Turns files and folders into documents: one a file for txt, md and html; one an object for json and jsonl (BEIR's
 * `_id` is taken as the id). Ids of files are their relative paths, so that a repeated upload replaces and never doubles.
 */
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path'
import type { DocumentInput } from '../client/client.ts'
import { linesOf } from './lines.ts'
import { UsageError } from './options.ts'

const FORMATS: Readonly<Record<string, 'text' | 'markdown' | 'html' | 'json' | 'jsonl'>> = {
  '.txt': 'text',
  '.text': 'text',
  '.md': 'markdown',
  '.markdown': 'markdown',
  '.html': 'html',
  '.htm': 'html',
  '.json': 'json',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
}

const FIELDS = new Set(['id', 'text', 'markdown', 'html', 'title', 'url', 'language', 'metadata', 'acl'])

export interface SourceFile {
  readonly path: string
  readonly id: string
  readonly bytes: number
}

/** A document with the share of the file's bytes it stands for, for the progress bar. */
export interface ReadDocument {
  readonly document: DocumentInput
  /** The file's id, for jsonl with the line: `dump.jsonl:7`. */
  readonly source: string
  readonly bytes: number
}

export interface FileList {
  /** In a stable order, each once. */
  readonly files: readonly SourceFile[]
  /** How many files of other kinds the folders hold; hidden ones and `node_modules` do not count. */
  readonly passedOver: number
}

/** Lists the files to upload. @throws UsageError */
export function listFiles(paths: readonly string[], folder: string): FileList {
  const files = new Map<string, SourceFile>()
  const others = new Set<string>()
  for (const given of paths) {
    const root = resolve(folder, given)
    const stat = statSync(root, { throwIfNoEntry: false })
    if (stat === undefined) throw new UsageError(`there is no ${given}`)
    if (stat.isFile() && !isReadable(root)) {
      throw new UsageError(`${given}: only ${Object.keys(FORMATS).join(', ')} can be read`)
    }
    for (const path of stat.isDirectory() ? walk(root) : [root]) {
      if (isReadable(path)) files.set(path, { path, id: idOf(path, root, folder), bytes: statSync(path).size })
      else others.add(path)
    }
  }
  return { files: [...files.values()], passedOver: others.size }
}

const isReadable = (path: string): boolean => FORMATS[extname(path).toLowerCase()] !== undefined

function walk(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (path) =>
        !relative(folder, path)
          .split(sep)
          .some((part) => part.startsWith('.') || part === 'node_modules'),
    )
    .sort()
}

/** The path from where the command runs, or, for what lies elsewhere, from beside what was named. */
function idOf(path: string, root: string, folder: string): string {
  const here = relative(folder, path)
  const id = here.startsWith('..') ? relative(dirname(root), path) : here
  return id.split(sep).join('/')
}

/** Reads one file, lazily for jsonl. @throws UsageError for json that is none */
export async function* readDocuments(file: SourceFile): AsyncGenerator<ReadDocument> {
  const format = FORMATS[extname(file.path).toLowerCase()]
  if (format === 'jsonl') {
    yield* readLines(file)
    return
  }
  const content = readFileSync(file.path, 'utf8').replace(/^\uFEFF/, '')
  if (format === 'json') {
    const values = jsonDocuments(parse(content, file.id))
    for (const [index, value] of values.entries()) {
      const fallback = values.length === 1 ? file.id : `${file.id}#${index + 1}`
      yield { document: documentOf(value, fallback, file.id), source: file.id, bytes: file.bytes / values.length }
    }
    return
  }
  const title = titleOf(content, format, file.path)
  const body = format === 'markdown' ? { markdown: content } : format === 'html' ? { html: content } : { text: content }
  const document = { id: file.id, title, ...body, metadata: { path: file.id } }
  yield { document, source: file.id, bytes: file.bytes }
}

async function* readLines(file: SourceFile): AsyncGenerator<ReadDocument> {
  let number = 0
  for await (const line of linesOf(createReadStream(file.path))) {
    number++
    if (line.trim() === '') continue
    const source = `${file.id}:${number}`
    const bytes = Buffer.byteLength(line) + 1
    yield { document: documentOf(parse(line, source), `${file.id}#${number}`, source), source, bytes }
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

function titleOf(content: string, format: string | undefined, path: string): string {
  const pattern =
    format === 'markdown' ? /^# +(.+?)(?: +#+)?$/m : format === 'html' ? /<title[^>]*>([^<]+)<\/title>/i : undefined
  const title = pattern?.exec(content)?.[1]?.trim()
  return title === undefined || title === '' ? basename(path) : title
}
