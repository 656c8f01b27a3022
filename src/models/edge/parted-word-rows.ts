/**
 * A table of words in 4 bits that lies in many files, each read when a text first needs a row of it. Ids are in the order of
 * how common pieces are, so most texts of a language touch few files; each file is an entry of its own in `residentMemory`,
 * and what is not used goes first.
 */
import { invariant } from '../../core/invariant.ts'
import type { ResidentMemory } from '../../core/resident-memory.ts'
import { ENCODER_DIMENSIONS } from '../../kernels/encoder-kernel.ts'
import { SharedLoads } from '../shared-load.ts'
import { BLOCK_BYTES, BLOCK_WEIGHTS, readBlocks } from './four-bit-blocks.ts'
import type { WordRows, WordTable } from './word-rows.ts'

const ROW_BLOCKS = ENCODER_DIMENSIONS / BLOCK_WEIGHTS
const ROW_BYTES = ROW_BLOCKS * BLOCK_BYTES

export interface PartedWordsDependencies {
  readonly readAsset: (path: string) => Promise<ArrayBuffer>
  readonly memory: ResidentMemory
  /** Shorter in tests. */
  readonly loadPatienceMs?: number
}

export class PartedWords implements WordTable {
  /** Files are counted by themselves. */
  readonly bytes = 0
  readonly #dependencies: PartedWordsDependencies
  readonly #key: string
  readonly #files: readonly string[]
  readonly #rowsPerFile: number
  readonly #vocabulary: number
  readonly #loads: SharedLoads<Uint8Array>

  /** `key`: prefix of the files' entries in memory; all files but the last have `rowsPerFile` rows. */
  constructor(
    dependencies: PartedWordsDependencies,
    key: string,
    files: readonly string[],
    rowsPerFile: number,
    vocabulary: number,
  ) {
    invariant(files.length === Math.ceil(vocabulary / rowsPerFile), 'the files have a row for every word')
    this.#dependencies = dependencies
    this.#key = key
    this.#files = files
    this.#rowsPerFile = rowsPerFile
    this.#vocabulary = vocabulary
    this.#loads = new SharedLoads(dependencies.loadPatienceMs)
  }

  /** Reads what is missing, all at once. What it returns holds the files that it needs, even if they are evicted. */
  rowsFor(ids: readonly Uint32Array[]): WordRows | Promise<WordRows> {
    const wanted = new Set<number>()
    for (const text of ids) for (const id of text) wanted.add(Math.floor(id / this.#rowsPerFile))
    const parts = new Map<number, Uint8Array>()
    const missing: number[] = []
    for (const part of wanted) {
      const resident = this.#resident(part)
      if (resident === undefined) missing.push(part)
      else parts.set(part, resident)
    }
    const rows = new PartRows(parts, this.#rowsPerFile, this.#vocabulary)
    if (missing.length === 0) return rows
    const reads = missing.map(async (part) => parts.set(part, await this.#read(part)))
    return Promise.all(reads).then(() => rows)
  }

  #keyOf(part: number): string {
    return `${this.#key}/${part}`
  }

  #resident(part: number): Uint8Array | undefined {
    return this.#dependencies.memory.get<Uint8Array>(this.#keyOf(part))
  }

  #read(part: number): Promise<Uint8Array> {
    const file = this.#files[part]
    invariant(file !== undefined, 'a token id lies in the vocabulary')
    return this.#loads.get(
      this.#keyOf(part),
      () => this.#resident(part),
      async () => {
        const bytes = new Uint8Array(await this.#dependencies.readAsset(file))
        const rows = Math.min(this.#rowsPerFile, this.#vocabulary - part * this.#rowsPerFile)
        invariant(bytes.length === rows * ROW_BYTES, `a file of words has ${bytes.length} bytes`)
        this.#dependencies.memory.set(this.#keyOf(part), bytes, bytes.length)
        return bytes
      },
    )
  }
}

/** The rows of some files. */
class PartRows implements WordRows {
  readonly vocabulary: number
  readonly #parts: ReadonlyMap<number, Uint8Array>
  readonly #rowsPerFile: number

  constructor(parts: ReadonlyMap<number, Uint8Array>, rowsPerFile: number, vocabulary: number) {
    this.vocabulary = vocabulary
    this.#parts = parts
    this.#rowsPerFile = rowsPerFile
  }

  get bytes(): number {
    return [...this.#parts.values()].reduce((sum, part) => sum + part.byteLength, 0)
  }

  write(ids: Uint32Array, target: Float32Array): void {
    let at = 0
    for (const id of ids) {
      const part = this.#parts.get(Math.floor(id / this.#rowsPerFile))
      invariant(part !== undefined, 'the rows of these words were asked for')
      readBlocks(part, (id % this.#rowsPerFile) * ROW_BYTES, ROW_BLOCKS, target, at)
      at += ENCODER_DIMENSIONS
    }
  }
}
