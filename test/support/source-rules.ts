/**
 * The rules of the house as data and pure functions: which room may import which, what may stand in a file. The
 * architecture test applies them to the tree and to wrong snippets. Rooms and their order: ARCHITECTURE.md.
 */
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path/posix'
import { parseSync } from 'oxc-parser'

interface Room {
  /** Lower rooms whose top-level files it may import. */
  readonly rooms: readonly string[]
  readonly packages: readonly string[]
  /** Whether it runs in Node (the command line) and may use its modules. */
  readonly node?: true
}

/** Lowest first. A room may always import itself; every other import must stand here. */
export const ROOMS: Readonly<Record<string, Room>> = {
  core: { rooms: [], packages: [] },
  egress: { rooms: ['core'], packages: ['ipaddr.js'] },
  kernels: { rooms: ['core'], packages: [] },
  text: { rooms: ['core'], packages: ['tinyld', '@orama/stemmers'] },
  chunking: { rooms: ['core', 'text'], packages: [] },
  parsing: {
    rooms: ['core', 'text', 'chunking'],
    packages: ['htmlparser2', 'chardet', 'fflate', 'postal-mime', 'unpdf', 'yaml'],
  },
  vector: { rooms: ['core', 'kernels'], packages: [] },
  keyword: { rooms: ['core', 'text', 'vector'], packages: [] },
  metadata: { rooms: ['core'], packages: [] },
  'word-vectors': { rooms: ['core', 'text'], packages: [] },
  models: {
    rooms: ['core', 'egress', 'kernels', 'text', 'word-vectors'],
    packages: ['@huggingface/inference'],
  },
  tenancy: { rooms: ['core', 'egress', 'metadata'], packages: ['ipaddr.js'] },
  catalog: { rooms: ['core', 'chunking', 'keyword', 'metadata', 'models', 'tenancy'], packages: ['drizzle-orm'] },
  shard: {
    rooms: ['core', 'kernels', 'text', 'chunking', 'vector', 'keyword', 'metadata', 'models', 'catalog'],
    packages: [],
  },
  ingest: {
    rooms: ['core', 'text', 'chunking', 'parsing', 'metadata', 'models', 'tenancy', 'catalog', 'shard'],
    packages: [],
  },
  sources: {
    rooms: ['core', 'egress', 'parsing', 'tenancy', 'catalog'],
    packages: ['croner', 'htmlparser2', 'robots-parser'],
  },
  files: {
    rooms: [
      'core',
      'egress',
      'text',
      'chunking',
      'parsing',
      'metadata',
      'models',
      'tenancy',
      'catalog',
      'shard',
      'ingest',
      'sources',
    ],
    packages: [],
  },
  search: {
    rooms: ['core', 'text', 'keyword', 'metadata', 'models', 'tenancy', 'catalog', 'shard'],
    packages: [],
  },
  answer: { rooms: ['core', 'text', 'chunking', 'metadata', 'models', 'tenancy', 'catalog', 'search'], packages: [] },
  http: {
    rooms: [
      'core',
      'egress',
      'text',
      'chunking',
      'keyword',
      'metadata',
      'models',
      'tenancy',
      'catalog',
      'shard',
      'parsing',
      'ingest',
      'sources',
      'files',
      'search',
      'answer',
    ],
    packages: ['hono', '@hono/zod-openapi', 'zod'],
  },
  client: { rooms: [], packages: [] },
  cli: { rooms: ['client'], packages: [], node: true },
  console: { rooms: ['client'], packages: [] },
}

/** `cloudflare:workers` stands in these places only: what is above and beside them runs in plain Node too. */
const RUNTIME_PLACES = ['src/shard/', 'src/models/edge/', 'src/tenancy/', 'src/files/', 'src/egress/']

const FORBIDDEN_FOLDERS = new Set(['utils', 'util', 'helpers', 'common', 'services', 'lib', 'shared', 'misc'])

export const MAX_FILE_LINES = 400

/** Spelt as a pattern, so that this file does not hold what it looks for. */
const UNFINISHED = /FIX[M]E|TO[D]O:/

/** Every module that a source file names: static imports, re-exports, dynamic imports, types included. */
export function importsOf(file: string, source: string): string[] {
  const { module, errors } = parseSync(file, source)
  if (errors.length > 0) throw new Error(`${file} does not parse: ${errors[0]?.message ?? ''}`)
  return [
    ...module.staticImports.map((entry) => entry.moduleRequest.value),
    ...module.staticExports.flatMap((entry) => entry.entries.flatMap((name) => name.moduleRequest?.value ?? [])),
    ...module.dynamicImports.map((entry) => source.slice(entry.moduleRequest.start + 1, entry.moduleRequest.end - 1)),
  ]
}

/** The path that a relative import names, from the repository's root. */
export const importedPath = (file: string, specifier: string): string => normalize(join(dirname(file), specifier))

/** Faults of one file's imports. `src/<room>/<file>` is public; `src/<room>/<folder>/…` is private to its room. */
export function importFaults(file: string, source: string): string[] {
  const specifiers = importsOf(file, source)
  if (file === 'src/worker.ts') return []
  const [, room = ''] = file.split('/')
  const rule = ROOMS[room]
  if (rule === undefined) return [`${file}: "${room}" is not a room`]
  return specifiers.flatMap((specifier) => {
    if (!specifier.startsWith('.')) {
      if (specifier === 'cloudflare:workers' && RUNTIME_PLACES.some((place) => file.startsWith(place))) return []
      if (rule.node && (specifier.startsWith('node:') || builtinModules.includes(specifier))) return []
      const allowed = rule.packages.some((name) => specifier === name || specifier.startsWith(`${name}/`))
      return allowed ? [] : [`${file}: ${room} may not use ${specifier}`]
    }
    const [top = '', target = '', ...rest] = importedPath(file, specifier).split('/')
    if (top !== 'src') return [`${file}: ${importedPath(file, specifier)} lies outside src`]
    if (target === room) return []
    if (!rule.rooms.includes(target)) return [`${file}: ${room} may not import ${target}`]
    return rest.length > 1 ? [`${file}: ${rest.join('/')} is private to ${target}`] : []
  })
}

/** Faults of one file's form: length, opening sentence, leftovers, folder name. */
export function formFaults(file: string, source: string): string[] {
  const lines = source.split('\n').length - 1
  const body = source.replace(/^#!.*\n/, '')
  return [
    ...(lines > MAX_FILE_LINES ? [`${file}: ${lines} lines, more than ${MAX_FILE_LINES}`] : []),
    ...(/^(\/\*\*|\/\/)/.test(body) || file.startsWith('test/') ? [] : [`${file}: does not open by saying what it is`]),
    ...(UNFINISHED.test(source) ? [`${file}: has an unfinished mark`] : []),
    ...(/\.(skip|only)\(/.test(source) && file.startsWith('test/') ? [`${file}: skips or singles out a test`] : []),
    ...file
      .split('/')
      .filter((folder) => FORBIDDEN_FOLDERS.has(folder))
      .map((folder) => `${file}: a folder is named "${folder}"; name it for what it holds`),
  ]
}
