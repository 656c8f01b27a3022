/**
 * Makes models of word vectors: from a file as it comes, or from texts. One at a time in an isolate, because each needs tens
 * of megabytes while it is made; the result is a packed file and what is known of it.
 */
import { hex, sha256 } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import { MAX_WORD_VECTORS_BYTES } from '../core/limits.ts'
import { invalidField, Problem } from '../core/problem.ts'
import type { ResidentMemory } from '../core/resident-memory.ts'
import { CollectedWords } from '../word-vectors/collected-words.ts'
import { packWords } from '../word-vectors/pack.ts'
import { MAX_TEXT_WORDS } from '../word-vectors/packed-vectors.ts'
import { trainPpmiSvd, type TrainingOptions } from '../word-vectors/train-ppmi-svd.ts'
import { type VectorFileFormat, VectorFileReader } from '../word-vectors/vector-file-reader.ts'
import type { ModelProfile } from './embedder.ts'
import type { WordVectorsOrigin } from './model.ts'

export interface WordVectorClaims {
  /** BCP 47 primary subtags; empty means any. */
  readonly languages?: readonly string[]
  /** SPDX identifier. */
  readonly licence?: string
}

export interface ImportOptions extends WordVectorClaims {
  /** Without it the file's beginning tells. */
  readonly format?: VectorFileFormat
  readonly maxWords?: number
  /** Whether the file is the beginning of a longer one. */
  readonly isCut?: boolean
}

export interface MadeWordVectors {
  readonly packed: ArrayBuffer
  /** Hex SHA-256 of `packed`. */
  readonly sha256: string
  readonly profile: ModelProfile
  readonly origin: WordVectorsOrigin
  readonly words: number
}

/** What importing holds at its peak beside the packed file: words, their rows in blocks, n-grams while they are fitted. */
const WORK_BYTES = 60_000_000
const WORK_KEY = 'word-vectors/work'
/** Whoever does not go on for this long was cancelled with its request, which nobody hears of. */
const LEASE_MS = 30_000

/** Of the one that is being made. */
interface Lease {
  untilMs: number
}

export interface WorkshopDependencies {
  readonly memory: ResidentMemory
  readonly clock: Clock
  /** Lets other requests of the isolate run. */
  readonly giveTurn: () => Promise<void>
}

export class WordVectorWorkshop {
  readonly #dependencies: WorkshopDependencies
  #lease: Lease | undefined

  constructor(dependencies: WorkshopDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Reads the file to its end. `next` gives its pieces.
   * @throws invalid_request, body_too_large; overloaded while another model is being made
   */
  importFile(next: () => Promise<Uint8Array | undefined>, options: ImportOptions): Promise<MadeWordVectors> {
    return this.#alone(async (giveTurn) => {
      const { maxWords } = options
      const words = new CollectedWords(maxWords === undefined ? {} : { maxWords })
      const reader = new VectorFileReader(words, options)
      let bytes = 0
      for (let piece = await next(); piece !== undefined; piece = await next()) {
        bytes += piece.length
        if (bytes > MAX_WORD_VECTORS_BYTES) throw tooLarge()
        // What comes after the words that fit is read and left, so that the sender sees the answer.
        reader.push(piece)
        await giveTurn()
      }
      const { format } = reader.finish()
      return madeOf(await packWords(words, giveTurn), words, format, options)
    })
  }

  /** @throws invalid_request where the texts are too few; overloaded while another model is being made */
  train(texts: readonly string[], options: TrainingOptions & WordVectorClaims): Promise<MadeWordVectors> {
    return this.#alone(async (giveTurn) => {
      const words = new CollectedWords()
      const trained = await trainPpmiSvd(texts, options, words, giveTurn)
      if (trained === undefined) {
        throw invalidField('/collection', 'holds too little text: no words stand near each other often enough')
      }
      return madeOf(await packWords(words, giveTurn), words, 'ppmi-svd', options)
    })
  }

  async #alone<T>(work: (giveTurn: () => Promise<void>) => Promise<T>): Promise<T> {
    const { memory, clock, giveTurn } = this.#dependencies
    if (this.#lease !== undefined && clock() < this.#lease.untilMs) throw anotherIsMade()
    const lease = { untilMs: clock() + LEASE_MS }
    this.#lease = lease
    memory.set(WORK_KEY, undefined, WORK_BYTES)
    try {
      return await work(async () => {
        await giveTurn()
        // A sender that was slower than that lost its turn to another, and there is memory for one.
        if (this.#lease !== lease) throw anotherIsMade()
        lease.untilMs = clock() + LEASE_MS
      })
    } finally {
      if (this.#lease === lease) {
        this.#lease = undefined
        memory.delete(WORK_KEY)
      }
    }
  }
}

const anotherIsMade = (): Problem => new Problem('overloaded', 'another model is being made', { retryAfterSeconds: 10 })

const tooLarge = (): Problem =>
  new Problem(
    'body_too_large',
    `the file is over the limit of ${MAX_WORD_VECTORS_BYTES} bytes: send its beginning, with cut=true`,
  )

async function madeOf(
  packed: ArrayBuffer,
  { dimensions, count }: CollectedWords,
  origin: WordVectorsOrigin,
  { languages = [], licence = 'unknown' }: WordVectorClaims,
): Promise<MadeWordVectors> {
  const digest = hex(await sha256(new Uint8Array(packed)))
  const profile: ModelProfile = {
    // The same file makes the same vectors, whoever imports it.
    id: `word-vectors-${digest.slice(0, 16)}`,
    dimensions,
    maxTokens: MAX_TEXT_WORDS,
    queryPrefix: '',
    passagePrefix: '',
    pooling: 'mean',
    normalised: true,
    languages,
    version: 1,
    matryoshka: [],
    licence,
    pricePerMillionTokens: 0,
  }
  return { packed, sha256: digest, profile, origin, words: count }
}
