/** Milliseconds by stage of one request, for `Server-Timing` and the log line. */
import type { Clock } from '../core/clock.ts'
import type { SearchTimings } from '../search/search-request.ts'

/** In the order in which they are written. */
const STAGES = ['auth', 'embed', 'vector', 'keyword', 'fuse', 'rerank', 'total'] as const

export type Stage = (typeof STAGES)[number]

export class Timings {
  readonly #clock: Clock
  readonly #startMs: number
  readonly #stagesMs = new Map<Stage, number>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock()
  }

  get elapsedMs(): number {
    return this.#clock() - this.#startMs
  }

  record(stage: Stage, milliseconds: number): void {
    this.#stagesMs.set(stage, milliseconds)
  }

  async measure<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    const startMs = this.#clock()
    try {
      return await work()
    } finally {
      this.record(stage, this.#clock() - startMs)
    }
  }

  entries(): Record<string, number> {
    return Object.fromEntries(this.#stagesMs)
  }

  /**
   * The header's value. Deployed, the clock stands still between I/O, so a stage that reads 0 is unknown and left out
   * unless `clockRuns`.
   */
  header(clockRuns: boolean): string {
    this.record('total', this.elapsedMs)
    return STAGES.flatMap((stage) => {
      const milliseconds = this.#stagesMs.get(stage)
      if (milliseconds === undefined || (milliseconds === 0 && !clockRuns && stage !== 'total')) return []
      return [`${stage};dur=${Math.round(milliseconds * 1_000) / 1_000}`]
    }).join(', ')
  }
}

/** Takes over the stages of a search. */
export function recordSearch(timings: Timings, stages: SearchTimings): void {
  timings.record('embed', stages.embed)
  timings.record('vector', stages.vector)
  timings.record('keyword', stages.keyword)
  timings.record('fuse', stages.fuse)
  if (stages.rerank !== undefined) timings.record('rerank', stages.rerank)
}
