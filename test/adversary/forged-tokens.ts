/**
 * Forged tokens: what somebody sends who wants in without the key's consent, or with the key's but against the contract.
 * Everything follows from the seed. Each forgery is a whole `Authorization` header that must be answered 401; the controls
 * beside them must be let in, so that a door that is simply shut cannot pass.
 */
import { parseKey } from '../../src/tenancy/key-format.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { CLAIM_FORGERIES } from './claim-forgeries.ts'
import { Forge, idOf, type Family, type ForgersWorld } from './token-forge.ts'
import { TOKEN_FORGERIES } from './token-forgeries.ts'

export type { ForgersWorld } from './token-forge.ts'

export interface ForgedToken {
  /** The family and its member, such as `algorithm/none unsigned`. */
  readonly kind: string
  /** The whole `Authorization` header. */
  readonly authorization: string
}

const FAMILIES: readonly Family[] = [...TOKEN_FORGERIES, ...CLAIM_FORGERIES]

/** Gives `count` forgeries; every family in turn. */
export async function* forgeTokens(world: ForgersWorld, seed: number, count: number): AsyncGenerator<ForgedToken> {
  const forge = new Forge(world, seededRandom(seed))
  for (let made = 0; made < count; made++) {
    const [kind, credential] = await FAMILIES[made % FAMILIES.length]!(forge)
    yield { kind, authorization: credential.startsWith('!') ? credential.slice(1) : `Bearer ${credential}` }
  }
}

/** Gives `count` headers that must be let in: the edges of what is allowed. */
export async function* genuineTokens(world: ForgersWorld, seed: number, count: number): AsyncGenerator<ForgedToken> {
  const forge = new Forge(world, seededRandom(seed))
  if (parseKey(world.victim)?.kind !== 'secret') throw new Error('the victim is a secret key')
  const control: readonly (() => Promise<readonly [string, string]>)[] = [
    async () => ['plain', `Bearer ${await forge.genuine()}`],
    async () => ['in lower case', `bearer   ${await forge.genuine()}`],
    async () => ['a whole day', `Bearer ${await forge.genuine({ iat: forge.now, exp: forge.now + 86_400 })}`],
    async () => ['its last minute', `Bearer ${await forge.genuine({ exp: forge.now + 30 })}`],
    async () => [
      'a clock ahead',
      `Bearer ${await forge.genuine({ iat: forge.now + 60, nbf: forge.now + 60, exp: forge.now + 90 })}`,
    ],
    async () => [
      'spaced JSON',
      `Bearer ${await forge.sign(JSON.stringify(forge.header(), null, 1), JSON.stringify(forge.claims(), null, 2))}`,
    ],
    async () => [
      'another order',
      `Bearer ${await forge.sign({ kid: idOf(world.victim), typ: 'JWT', alg: 'HS256' }, { scopes: ['search'], exp: forge.now + 30, iat: forge.now })}`,
    ],
    async () => [
      'every claim',
      `Bearer ${await forge.genuine({ nbf: 0, collections: ['*'], filter: { a: { $in: [1, 'ü'] } }, principals: ['a', 'b'], sub: 'ü', jti: '1', origins: ['self'] })}`,
    ],
    async () => ['as long as may be', `Bearer ${await forge.genuine({ filter: { a: 'x'.repeat(5_800) } })}`],
  ]
  for (let made = 0; made < count; made++) {
    const [kind, authorization] = await control[made % control.length]!()
    yield { kind: `control/${kind}`, authorization }
  }
}
