/**
 * A key as an isolate holds it for a few seconds: parsed, with its signing keys opened. What is absent is replaced by a
 * dummy that nothing fits, so that every credential is judged by the same steps, whether its key exists or not.
 */
import { fromHex } from '../core/bytes.ts'
import { parseFilter } from '../metadata/parse-filter.ts'
import type { CredentialChecks } from './credential-checks.ts'
import { readRange } from './ip-ranges.ts'
import type { KeyRecord, StoredKey, StoredSecret } from './key-store.ts'
import { visibleTo } from './principal.ts'
import type { Principal } from './principal.ts'
import type { Sealer } from './sealing.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** What shows that somebody holds a secret, or had it sign a token. */
export interface HeldSecret {
  readonly digest: Uint8Array
  readonly signingKey: Bytes
}

/** The secrets that a credential is compared with: always two. */
export interface HeldSecrets {
  readonly current: HeldSecret
  readonly previous: HeldSecret
}

export interface HeldKey extends HeldSecrets {
  readonly stored: StoredKey
  readonly principal: Principal
  /** 0 where it has no previous secret. */
  readonly previousUntilMs: number
}

/** As long as a sealed signing key, and opened by nothing. */
const DUMMY_BOX = new Uint8Array(61).fill(1)

/** Makes held keys of stored ones. One per authenticator. */
export class KeyHolder {
  readonly #sealer: Sealer
  readonly #checks: CredentialChecks
  readonly #nobody: HeldSecret
  /** Stands for the secrets of a key that does not exist. */
  readonly nobody: HeldSecrets

  constructor(sealer: Sealer, checks: CredentialChecks) {
    this.#sealer = sealer
    this.#checks = checks
    // No string is known to have this digest, and nobody learns the signing key.
    this.#nobody = { digest: new Uint8Array(32), signingKey: crypto.getRandomValues(new Uint8Array(32)) }
    this.nobody = { current: this.#nobody, previous: this.#nobody }
  }

  /** Costs the same for a key that does not exist. */
  async hold(stored: StoredKey | undefined, id: string): Promise<HeldKey | undefined> {
    const [current, previous] = await Promise.all([this.#open(stored, id), this.#open(stored?.previous, id)])
    if (stored === undefined) return undefined
    const previousUntilMs = stored.previous?.untilMs ?? 0
    return { stored, principal: principalOf(stored), current, previous, previousUntilMs }
  }

  /** Public keys have no signing key, and one that does not open signs nothing. */
  async #open(secret: StoredSecret | undefined, id: string): Promise<HeldSecret> {
    const signingKey = await this.#checks.open(this.#sealer, id, secret?.sealedSigningKey ?? DUMMY_BOX)
    return {
      digest: secret === undefined ? this.#nobody.digest : fromHex(secret.secretHash),
      signingKey: signingKey ?? this.#nobody.signingKey,
    }
  }
}

function principalOf({ record, tenant }: StoredKey): Principal {
  const { collections, origins, ipRanges, expiresAtMs } = record
  const filter = maskOf(record)
  return {
    kind: record.kind,
    keyId: record.id,
    tenant,
    key: record,
    scopes: new Set(record.scopes),
    ...(collections === undefined ? {} : { collections }),
    ...(origins === undefined ? {} : { origins }),
    // A range that cannot be read any more holds no address.
    ...(ipRanges === undefined ? {} : { ipRanges: ipRanges.flatMap((range) => readRange(range) ?? []) }),
    ...(filter === undefined ? {} : { filter }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  }
}

/** Public keys see documents without an acl; secret keys see all that their filter lets through. */
function maskOf({ kind, filter }: KeyRecord): Principal['filter'] {
  const parsed = filter === undefined ? undefined : parseFilter(filter)
  return kind === 'public' ? visibleTo([], parsed) : parsed
}
