/** What is known of the hosts that crawls ask: what their `robots.txt` says, and when they may be asked again. */
import type { SqlDatabase } from '../../core/sql-database.ts'
import { MIN_DELAY_MS, RobotsRules } from './robots-rules.ts'

/** A site's rules hold for this long. */
const ROBOTS_TTL_MS = 3_600_000
/** One whose rules could not be read is not asked for them again within this time. */
const UNREACHABLE_MS = 600_000
/** Parsed rules that are kept in memory. */
const MAX_PARSED = 50

interface Row {
  readonly robots: string | null
  readonly robots_until_ms: number
  readonly attempts: number
  readonly delay_ms: number
  readonly next_ms: number
}

const UNKNOWN: Row = { robots: null, robots_until_ms: 0, attempts: 0, delay_ms: MIN_DELAY_MS, next_ms: 0 }

export class Hosts {
  readonly #database: SqlDatabase
  readonly #busy = new Set<string>()
  readonly #parsed = new Map<string, { readonly text: string; readonly rules: RobotsRules }>()

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  /** When it may be asked something. */
  freeMs(origin: string, nowMs: number): number {
    return this.#busy.has(origin) ? nowMs + MIN_DELAY_MS : this.#row(origin).next_ms
  }

  /** It is asked something: nobody else may until it is freed, or this object is killed. */
  reserve(origin: string, nowMs: number): void {
    this.#busy.add(origin)
    this.#pause(origin, nowMs)
  }

  /** It has answered: a pause follows. */
  free(origin: string, nowMs: number): void {
    this.#busy.delete(origin)
    this.#pause(origin, nowMs)
  }

  #pause(origin: string, nowMs: number): void {
    this.#set(origin, { next_ms: nowMs + this.#row(origin).delay_ms })
  }

  /** `unknown`: its rules must be read first. `unreachable`: they could not be, so nothing of it may be. */
  robots(origin: string, nowMs: number): RobotsRules | 'unknown' | 'unreachable' {
    const { robots, robots_until_ms: untilMs } = this.#row(origin)
    if (untilMs <= nowMs) return 'unknown'
    return robots === null ? 'unreachable' : this.#rules(origin, robots)
  }

  /** `''` where there are no rules. */
  noteRobots(origin: string, text: string, nowMs: number): void {
    const { delayMs } = this.#rules(origin, text)
    this.#set(origin, { robots: text, robots_until_ms: nowMs + ROBOTS_TTL_MS, attempts: 0, delay_ms: delayMs })
  }

  /** Answers how often in a row they could not be read. */
  noteRobotsFailure(origin: string): number {
    const attempts = this.#row(origin).attempts + 1
    this.#set(origin, { attempts })
    return attempts
  }

  giveUpRobots(origin: string, nowMs: number): void {
    this.#set(origin, { robots: null, robots_until_ms: nowMs + UNREACHABLE_MS, attempts: 0 })
  }

  /** Those that nobody has asked for long. */
  prune(nowMs: number): void {
    this.#database.run('DELETE FROM source_hosts WHERE next_ms < ? AND robots_until_ms < ?', nowMs, nowMs)
  }

  #rules(origin: string, text: string): RobotsRules {
    const parsed = this.#parsed.get(origin)
    if (parsed?.text === text) return parsed.rules
    const rules = new RobotsRules(origin, text)
    if (this.#parsed.size >= MAX_PARSED) this.#parsed.clear()
    this.#parsed.set(origin, { text, rules })
    return rules
  }

  #row(origin: string): Row {
    return this.#database.get<Row>('SELECT * FROM source_hosts WHERE origin = ?', origin) ?? UNKNOWN
  }

  #set(origin: string, columns: Partial<Row>): void {
    const row: Row = { ...this.#row(origin), ...columns }
    this.#database.run(
      'INSERT OR REPLACE INTO source_hosts VALUES (?, ?, ?, ?, ?, ?)',
      origin,
      row.robots,
      row.robots_until_ms,
      row.attempts,
      row.delay_ms,
      row.next_ms,
    )
  }
}
