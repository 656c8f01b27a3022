/**
 * Who is asking? Turns the request's headers into a principal. Before that, only header parsing, the key's checksum or the
 * token's shape, and at most one key read happen: a missing or malformed credential costs no binding call, the body is not
 * touched. Unknown ids, wrong secrets and wrong signatures take the same path and get the same answer.
 */
import { fromHex } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import { Problem } from '../core/problem.ts'
import type { ProblemCode } from '../core/problem.ts'
import { CREDENTIAL_CHECKS } from './credential-checks.ts'
import type { CredentialChecks } from './credential-checks.ts'
import { KeyHolder } from './held-key.ts'
import type { HeldKey, HeldSecret } from './held-key.ts'
import { parseKey } from './key-format.ts'
import type { ParsedKey } from './key-format.ts'
import type { KeyStore, TenantState } from './key-store.ts'
import type { LastUse } from './last-use.ts'
import type { Principal } from './principal.ts'
import { ReadThroughCache } from './read-through-cache.ts'
import type { KeepAlive } from './read-through-cache.ts'
import type { Sealer } from './sealing.ts'
import { isTenantId } from './tenant-id.ts'
import { systemTimer } from './timer.ts'
import type { Timer } from './timer.ts'
import { isTimely, narrowPrincipal, readToken } from './token.ts'
import type { UnverifiedToken } from './token.ts'

/** Why a credential is refused although its secret, or the signature of its token, was right. */
export type RefusalReason = 'revoked' | 'expired' | 'rotated' | 'token_time' | 'acting_for'

/** A refusal of somebody who is known, worth a line in the audit log. */
export interface Refusal {
  readonly kind: Principal['kind']
  readonly keyId: string
  readonly tenant: TenantState
  readonly code: ProblemCode
  readonly reason: RefusalReason
}

export interface AuthenticatorDependencies {
  readonly keys: KeyStore
  /** Opens signing keys. */
  readonly sealer: Sealer
  /** Hex SHA-256 of the root key, and of a second one while it is rotated. */
  readonly rootKeyHashes: readonly string[]
  readonly clock: Clock
  readonly timer?: Timer
  /** Parsed keys held; 10,000 unless told. */
  readonly capacity?: number
  /** Told of every key that was accepted. */
  readonly lastUse?: Pick<LastUse, 'note'>
  /** Told only of refusals whose secret or signature was right; never of guesses. */
  readonly onRefusal?: (refusal: Refusal, keepAlive: KeepAlive) => void
  readonly checks?: CredentialChecks
}

type Credential = { readonly key: ParsedKey } | { readonly token: UnverifiedToken }

/** Which of a key's two secrets a credential shows. */
interface Shown {
  readonly current: boolean
  readonly previous: boolean
}

const DEFAULT_CAPACITY = 10_000
const FORGOTTEN: KeepAlive = () => {}

/** One per isolate: it holds the parsed keys. */
export class Authenticator {
  readonly #clock: Clock
  readonly #checks: CredentialChecks
  readonly #rootDigests: readonly Uint8Array[]
  readonly #holder: KeyHolder
  readonly #keys: ReadThroughCache<HeldKey>
  readonly #tenants: ReadThroughCache<TenantState>
  readonly #lastUse: AuthenticatorDependencies['lastUse']
  readonly #onRefusal: AuthenticatorDependencies['onRefusal']

  constructor({
    keys,
    sealer,
    rootKeyHashes,
    clock,
    timer = systemTimer,
    capacity = DEFAULT_CAPACITY,
    lastUse,
    onRefusal,
    checks = CREDENTIAL_CHECKS,
  }: AuthenticatorDependencies) {
    this.#clock = clock
    this.#checks = checks
    this.#lastUse = lastUse
    this.#onRefusal = onRefusal
    this.#rootDigests = rootKeyHashes.filter((hash) => /^[0-9a-f]{64}$/i.test(hash)).map((hash) => fromHex(hash))
    this.#holder = new KeyHolder(sealer, checks)
    const options = { clock, timer, capacity }
    this.#keys = new ReadThroughCache({
      ...options,
      read: async (id) => this.#holder.hold(await keys.findKey(id), id),
    })
    this.#tenants = new ReadThroughCache({ ...options, read: (id) => keys.findTenant(id) })
  }

  /**
   * Pass `ExecutionContext.waitUntil` as `keepAlive`, so that a read that other requests wait for outlives this one.
   * @throws unauthorized (401) for every credential that is missing, malformed, unknown, wrong, expired or revoked;
   *   forbidden (403) for `Nearfield-Tenant` with anything but the root key; overloaded and schema_out_of_date (503).
   */
  async authenticate(headers: Headers, keepAlive: KeepAlive = FORGOTTEN): Promise<Principal> {
    const credential = presentedCredential(headers)
    if (credential === undefined) throw new Problem('unauthorized')
    const actingFor = headers.get('nearfield-tenant')
    if ('key' in credential && credential.key.kind === 'root') {
      return this.#authenticateRoot(credential.key, actingFor, keepAlive)
    }
    const [known, shown] =
      'key' in credential
        ? await this.#judgeKey(credential.key, keepAlive)
        : await this.#judgeToken(credential.token, keepAlive)
    if (known === undefined || !(shown.current || shown.previous)) throw new Problem('unauthorized')

    const claims = 'token' in credential ? credential.token.claims : undefined
    const reason = this.#refusalReason(known, shown, claims)
    const kind = claims === undefined ? known.principal.kind : 'token'
    if (reason !== undefined) throw this.#refusal(known, { kind, code: 'unauthorized', reason }, keepAlive)
    if (actingFor !== null) throw this.#refusal(known, { kind, code: 'forbidden', reason: 'acting_for' }, keepAlive)
    this.#lastUse?.note(known.stored.record, keepAlive)
    return claims === undefined ? known.principal : narrowPrincipal(known.principal, claims)
  }

  /** Makes a change of a key hold in this isolate at once; in others it holds within 10 s. */
  forgetKey(id: string): void {
    this.#keys.forget(id)
  }

  /** Makes a change of a tenant (suspension, limits, deletion, creation) hold in this isolate at once. */
  forgetTenant(id: string): void {
    this.#tenants.forget(id)
    this.#keys.forgetWhere(({ stored }) => stored.tenant.id === id)
  }

  /** One digest, one read at most, two comparisons. */
  async #judgeKey(key: ParsedKey, keepAlive: KeepAlive): Promise<[HeldKey | undefined, Shown]> {
    const [digest, known] = await Promise.all([this.#checks.digest(key), this.#keys.get(key.id, keepAlive)])
    const { current, previous } = known ?? this.#holder.nobody
    const fits = (secret: HeldSecret): boolean => this.#checks.isEqual(digest, secret.digest)
    return [known, { current: fits(current), previous: fits(previous) }]
  }

  /** One read at most, two verifications. */
  async #judgeToken(token: UnverifiedToken, keepAlive: KeepAlive): Promise<[HeldKey | undefined, Shown]> {
    const known = await this.#keys.get(token.keyId, keepAlive)
    const secrets = known ?? this.#holder.nobody
    const [current, previous] = await Promise.all([
      this.#checks.hasSigned(token, secrets.current.signingKey),
      this.#checks.hasSigned(token, secrets.previous.signingKey),
    ])
    return [known, { current, previous }]
  }

  /** Why a key whose secret was shown does not count; `undefined` where it does. */
  #refusalReason(
    { stored: { record, revokedAtMs }, previousUntilMs }: HeldKey,
    shown: Shown,
    claims: UnverifiedToken['claims'] | undefined,
  ): RefusalReason | undefined {
    const nowMs = this.#clock()
    if (revokedAtMs !== undefined) return 'revoked'
    if (!shown.current && nowMs >= previousUntilMs) return 'rotated'
    if (record.expiresAtMs !== undefined && nowMs >= record.expiresAtMs) return 'expired'
    return claims === undefined || isTimely(claims, nowMs, record) ? undefined : 'token_time'
  }

  #refusal(
    { stored: { record, tenant } }: HeldKey,
    { kind, code, reason }: Pick<Refusal, 'kind' | 'code' | 'reason'>,
    keepAlive: KeepAlive,
  ): Problem {
    this.#onRefusal?.({ kind, keyId: record.id, tenant, code, reason }, keepAlive)
    return reason === 'acting_for' ? new Problem(code, 'only the root key acts for a tenant') : new Problem(code)
  }

  async #authenticateRoot(key: ParsedKey, actingFor: string | null, keepAlive: KeepAlive): Promise<Principal> {
    const digest = await this.#checks.digest(key)
    // No short cut: which of the two hashes fits is not to be told from the time it takes.
    const fits = this.#rootDigests.map((expected) => this.#checks.isEqual(digest, expected))
    if (!fits.includes(true)) throw new Problem('unauthorized')
    const principal: Principal = { kind: 'root', keyId: key.id, scopes: new Set() }
    if (actingFor === null) return principal
    const tenant = isTenantId(actingFor) ? await this.#tenants.get(actingFor, keepAlive) : undefined
    return { ...principal, actingFor, ...(tenant === undefined ? {} : { tenant }) }
  }
}

/** The key or token in `Authorization: Bearer …`; several headers arrive joined by commas and fit no grammar. */
function presentedCredential(headers: Headers): Credential | undefined {
  const [, text] = /^bearer +(\S+)$/i.exec(headers.get('authorization') ?? '') ?? []
  if (text === undefined) return undefined
  const key = parseKey(text)
  if (key !== undefined) return { key }
  const token = readToken(text)
  return token === undefined ? undefined : { token }
}
