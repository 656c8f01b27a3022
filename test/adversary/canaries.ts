/**
 * Random markers planted in every field of every tenant. Each says whose it is, in which zone it lies and whether it is
 * content or a handle, so that a single one in a foreign answer tells the whole story.
 */
import type { Dice } from './wire.ts'

/**
 * `open`: what every reader may see · `filtered`: documents outside the forced filter · `acl`: documents with an acl ·
 * `vault`: a collection outside the restricted keys' lists · `names`, `vaultnames`: the collections' names ·
 * `control`: names of keys, webhook addresses and the like · `tenant`: the tenant's own id and name.
 */
export const ZONES = ['open', 'filtered', 'acl', 'vault', 'names', 'vaultnames', 'control', 'tenant'] as const
export type Zone = (typeof ZONES)[number]
/** Attackers send handles (they may have guessed them); content is never known to them. */
export type CanaryKind = 'handle' | 'content'

export interface Canary {
  readonly text: string
  readonly tenant: string
  readonly zone: Zone
  readonly kind: CanaryKind
}

/** No word of the product begins like this. */
const MARK = 'kanar'
const PATTERN = /kanar[hc][a-z]{15}/g
const LETTERS = 15
/** Every canary in content begins like this: none may ever stand in a log. */
export const CONTENT_MARK = `${MARK}c`

export class Canaries {
  readonly #dice: Dice
  readonly #planted = new Map<string, Canary>()

  constructor(dice: Dice) {
    this.#dice = dice
  }

  plant(tenant: string, zone: Zone, kind: CanaryKind): string {
    const text = MARK + (kind === 'content' ? 'c' : 'h') + this.#dice.letters(LETTERS)
    this.#planted.set(text, { text, tenant, zone, kind })
    return text
  }

  /** Every planted canary that stands in the text, in any letter case. */
  foundIn(text: string): Canary[] {
    const lower = text.toLowerCase()
    if (!lower.includes(MARK)) return []
    return [...new Set(lower.match(PATTERN))].flatMap((found) => this.#planted.get(found) ?? [])
  }

  all(): readonly Canary[] {
    return [...this.#planted.values()]
  }
}
