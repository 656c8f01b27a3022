/**
 * Which files a folder holds that are worth sending: hidden ones, `node_modules`, links that lead out and kinds without any
 * text (pictures, music, programs) are left out. What the others are, the server tells by their content.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { extname, join, matchesGlob, sep } from 'node:path'

export interface FolderFile {
  readonly path: string
  /** Relative, parted by `/`. */
  readonly name: string
  readonly bytes: number
}

export interface FolderContent {
  /** By name, in the order of code units. */
  readonly files: readonly FolderFile[]
  /** Paths of files of kinds that hold no text. */
  readonly passedOver: readonly string[]
}

/** Patterns, one a line; `#` begins a comment. */
const IGNORE_FILE = '.nearfieldignore'

const WITHOUT_TEXT = new Set(
  (
    '.png .jpg .jpeg .gif .webp .avif .bmp .ico .tif .tiff .heic .psd .svgz .mp3 .m4a .wav .flac .ogg .opus .mp4 .m4v .mov .avi ' +
    '.mkv .webm .woff .woff2 .ttf .otf .eot .exe .dll .so .dylib .o .a .class .jar .pyc .wasm .bin .iso .dmg .tar .gz .tgz ' +
    '.bz2 .xz .zst .7z .rar .sqlite .db .parquet .safetensors .onnx .gguf .pt .npy .lock .map'
  ).split(' '),
)

export const isWithoutText = (path: string): boolean => WITHOUT_TEXT.has(extname(path).toLowerCase())

/**
 * Lists a folder. Excluded is what a pattern matches: one without a slash any file or folder of that name, one with a slash the
 * path from the top. What cannot be read is an error rather than absent, because absent files are deleted elsewhere.
 */
export function walkFolder(root: string, exclude: readonly string[] = []): FolderContent {
  const ignoreFile = join(root, IGNORE_FILE)
  const lines = existsSync(ignoreFile) ? readFileSync(ignoreFile, 'utf8').split('\n') : []
  const patterns = [...exclude, ...lines.map((line) => line.trim())].filter((line) => line !== '' && line[0] !== '#')
  const files: FolderFile[] = []
  const passedOver: string[] = []
  const realRoot = realpathSync(root)
  const visit = (folder: string, prefix: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const name = prefix + entry.name
      const path = join(folder, entry.name)
      if (entry.name.startsWith('.') || entry.name === 'node_modules' || isExcluded(name, patterns)) continue
      if (entry.isDirectory()) visit(path, `${name}/`)
      else if (entry.isFile() || (entry.isSymbolicLink() && leadsToFileIn(path, realRoot))) {
        if (isWithoutText(path)) passedOver.push(path)
        else files.push({ path, name, bytes: statSync(path).size })
      }
    }
  }
  visit(root, '')
  return { files: files.sort((a, b) => (a.name < b.name ? -1 : 1)), passedOver }
}

/** Folders behind links are not entered: what they hold inside the folder is met anyway, and they may lead in circles. */
function leadsToFileIn(link: string, realRoot: string): boolean {
  try {
    const target = realpathSync(link)
    return target.startsWith(realRoot + sep) && statSync(target).isFile()
  } catch {
    return false
  }
}

function isExcluded(name: string, patterns: readonly string[]): boolean {
  const base = name.slice(name.lastIndexOf('/') + 1)
  return patterns.some((given) => {
    const pattern = given.replace(/^\.?\//, '').replace(/\/$/, '')
    return matchesGlob(given.replace(/\/$/, '').includes('/') ? name : base, pattern)
  })
}
