/** Whether the weights in `assets/models` are those of their manifests. The Worker itself never checks: it would cost every start. */
import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

export interface ModelAssets {
  readonly model: string
  readonly files: number
  readonly bytes: number
  /** One sentence for each file that is missing, changed or unknown. */
  readonly faults: readonly string[]
}

interface ManifestFile {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

interface Manifest extends Partial<ManifestFile> {
  readonly model: string
  /** Of a model in several files. */
  readonly files?: readonly ManifestFile[]
}

/** Hashes every file of every model below `root`; about 3 ms a megabyte. */
export function checkModelAssets(root: string): ModelAssets[] {
  return globSync('assets/models/*/manifest.json', { cwd: root })
    .toSorted()
    .map((path) => checkModel(join(root, path)))
}

function checkModel(path: string): ModelAssets {
  const folder = dirname(path)
  const manifest = readManifest(path)
  if (manifest === undefined) {
    return { model: basename(folder), files: 0, bytes: 0, faults: ['manifest.json cannot be read'] }
  }
  const files = manifest.files ?? [manifest as ManifestFile]
  const known = new Set(files.map(({ file }) => file))
  const strays = globSync('*.bin', { cwd: folder }).filter((file) => !known.has(file))
  return {
    model: manifest.model,
    files: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    faults: [...files.flatMap((file) => faultOf(folder, file)), ...strays.map((file) => `${file} is in no manifest`)],
  }
}

function readManifest(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest
  } catch {
    return undefined
  }
}

function faultOf(folder: string, { file, bytes, sha256 }: ManifestFile): string[] {
  let content: Buffer
  try {
    content = readFileSync(join(folder, file))
  } catch {
    return [`${file} is missing`]
  }
  if (content.byteLength !== bytes) return [`${file} has ${content.byteLength} bytes instead of ${bytes}`]
  const digest = createHash('sha256').update(content).digest('hex')
  return digest === sha256 ? [] : [`${file} has another content than its manifest says`]
}
