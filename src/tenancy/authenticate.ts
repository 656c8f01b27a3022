/**
 * Who is asking? Turns the request's headers into a principal. Before that, only header parsing, the key's checksum and at
 * most one key read happen: a missing or malformed credential costs no binding call, the body is not touched. Unknown ids
 * and wrong secrets take the same path and get the same answer.
 */
import { fromHex } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import { Problem } from '../core/problem.ts'
import { parseFilter } from '../metadata/parse-filter.ts'
import { keyDigest, parseKey } from './key-format.ts'
import type { ParsedKey } from './key-format.ts'
import type { KeyStore, StoredKey, TenantState } from './key-store.ts'
import type { Principal } from './principal.ts'
import { ReadThroughCache } from './read-through-cache.ts'
import type { KeepAlive } from './read-through-cache.ts'
import { isTenantId } from './tenant-id.ts'
import { systemTimer } from './timer.ts'
import type { Timer } from './timer.ts'

export interface AuthenticatorDependencies {
  readonly keys: KeyStore
  /** Hex SHA-256 of the root key, and of a second one while it is rotated. */
  readonly rootKeyHashes: readonly string[]
  readonly clock: Clock
  readonly timer?: Timer
  /** Parsed keys held; 10,000 unless told. */
  readonly capacity?: number
}

interface HeldKey {
  readonly stored: StoredKey
  readonly digest: Uint8Array
  readonly principal: Principal
}

const DEFAULT_CAPACITY = 10_000
/** Compared with when an id is unknown, so that both refusals do the same work. No string is known to have it. */
const DUMMY_DIGEST = new Uint8Array(32)

/** One per isolate: it holds the parsed keys. */
export class Authenticator {
  readonly #clock: Clock
  readonly #rootDigests: readonly Uint8Array[]
  readonly #keys: ReadThroughCache<HeldKey>
  readonly #tenants: ReadThroughCache<TenantState>

  constructor({
    keys,
    rootKeyHashes,
    clock,
    timer = systemTimer,
    capacity = DEFAULT_CAPACITY,
  }: AuthenticatorDependencies) {
    this.#clock = clock
    this.#rootDigests = rootKeyHashes.filter((hash) => /^[0-9a-f]{64}$/i.test(hash)).map((hash) => fromHex(hash))
    const options = { clock, timer, capacity }
    this.#keys = new ReadThroughCache({ ...options, read: async (id) => held(await keys.findKey(id)) })
    this.#tenants = new ReadThroughCache({ ...options, read: (id) => keys.findTenant(id) })
  }

  /**
   * Pass `ExecutionContext.waitUntil` as `keepAlive`, so that a read that other requests wait for outlives this one.
   * @throws unauthorized (401) for every credential that is missing, malformed, unknown, wrong, expired or revoked;
   *   forbidden (403) for `Nearfield-Tenant` with anything but the root key; overloaded and schema_out_of_date (503).
   */
  async authenticate(headers: Headers, keepAlive?: KeepAlive): Promise<Principal> {
    const key = presentedKey(headers)
    if (key === undefined) throw new Problem('unauthorized')
    const actingFor = headers.get('nearfield-tenant')
    if (key.kind === 'root') return this.#authenticateRoot(key, actingFor, keepAlive)

    const [digest, known] = await Promise.all([keyDigest(key), this.#keys.get(key.id, keepAlive)])
    const isRight = equalDigests(digest, known?.digest ?? DUMMY_DIGEST)
    if (!isRight || known === undefined || !this.#isLive(known.stored)) throw new Problem('unauthorized')
    if (actingFor !== null) throw new Problem('forbidden', 'only the root key acts for a tenant')
    return known.principal
  }

  /** Makes a change of a key hold in this isolate at once; in others it holds within 10 s. */
  forgetKey(id: string): void {
    this.#keys.forget(id)
  }

  /** Makes a change of a tenant (suspension, deletion, creation) hold in this isolate at once. */
  forgetTenant(id: string): void {
    this.#tenants.forget(id)
    this.#keys.forgetWhere(({ stored }) => stored.tenant.id === id)
  }

  async #authenticateRoot(key: ParsedKey, actingFor: string | null, keepAlive?: KeepAlive): Promise<Principal> {
    const digest = await keyDigest(key)
    // No short cut: which of the two hashes fits is not to be told from the time it takes.
    const fits = this.#rootDigests.map((expected) => equalDigests(digest, expected))
    if (!fits.includes(true)) throw new Problem('unauthorized')
    const principal: Principal = { kind: 'root', keyId: key.id, scopes: new Set() }
    if (actingFor === null) return principal
    const tenant = isTenantId(actingFor) ? await this.#tenants.get(actingFor, keepAlive) : undefined
    return { ...principal, actingFor, ...(tenant === undefined ? {} : { tenant }) }
  }

  #isLive({ record, revokedAtMs }: StoredKey): boolean {
    if (revokedAtMs !== undefined) return false
    return record.expiresAtMs === undefined || this.#clock() < record.expiresAtMs
  }
}

/** The key in `Authorization: Bearer …`; several headers arrive joined by commas and fit no grammar. */
function presentedKey(headers: Headers): ParsedKey | undefined {
  const match = /^bearer +([0-9A-Za-z_]{72})$/i.exec(headers.get('authorization') ?? '')
  return match?.[1] === undefined ? undefined : parseKey(match[1])
}

function held(stored: StoredKey | undefined): HeldKey | undefined {
  if (stored === undefined) return undefined
  const { record, tenant } = stored
  const principal: Principal = {
    kind: record.kind,
    keyId: record.id,
    tenant,
    key: record,
    scopes: new Set(record.scopes),
    ...(record.collections === undefined ? {} : { collections: record.collections }),
    ...(record.origins === undefined ? {} : { origins: record.origins }),
    ...(record.filter === undefined ? {} : { filter: parseFilter(record.filter) }),
    ...(record.expiresAtMs === undefined ? {} : { expiresAtMs: record.expiresAtMs }),
  }
  return { stored, digest: fromHex(stored.secretHash), principal }
}

/** Compares without a branch on the contents: the time says nothing about where two digests differ. */
export function equalDigests(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}
