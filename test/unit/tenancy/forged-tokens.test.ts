/** Two thousand forged tokens at the door, and genuine ones between them. */
import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { Authenticator } from '../../../src/tenancy/authenticate.ts'
import { forgeTokens, genuineTokens, type ForgersWorld } from '../../adversary/forged-tokens.ts'
import { CountingKeyStore, SEALER } from '../../support/counting-key-store.ts'
import { FakeTime } from '../../support/fake-timer.ts'

const FORGERIES = 2_000
const CONTROLS = 200
const SEED = 20_261_122

describe('forged tokens', () => {
  it(`are refused alike, ${FORGERIES} of ${FORGERIES}, while each of ${CONTROLS} genuine ones is let in`, async () => {
    const time = new FakeTime()
    const store = new CountingKeyStore()
    const { clock, timer } = time
    const old = await store.addKey()
    const current = await store.rotate(old.id, clock() - 1)
    const revoked = await store.addKey()
    store.change(revoked.id, () => ({ revokedAtMs: clock() - 1 }))
    const world: ForgersWorld = {
      victim: current.text,
      foreign: (await store.addKey()).text,
      publicKey: (await store.addKey({ kind: 'public', origins: ['https://shop.example'] })).text,
      revoked: revoked.text,
      rotatedOut: old.text,
      clock,
    }
    const authenticator = new Authenticator({ keys: store, sealer: SEALER, rootKeyHashes: [], clock, timer })
    const enter = async (authorization: string): Promise<string> => {
      try {
        return (await authenticator.authenticate(new Headers({ authorization }))).kind
      } catch (error) {
        return asProblem(error)?.code ?? String(error)
      }
    }
    const accepted: string[] = []
    const kinds = new Map<string, number>()
    const controls = genuineTokens(world, SEED, CONTROLS)
    let letIn = 0
    for await (const { kind, authorization } of forgeTokens(world, SEED, FORGERIES)) {
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      const outcome = await enter(authorization)
      if (outcome !== 'unauthorized') accepted.push(`${kind}: ${outcome}: ${authorization}`)
      if (kinds.size % 2 === 0) continue
      const control = await controls.next()
      if (control.done === true) continue
      expect(await enter(control.value.authorization), control.value.kind).toBe('token')
      letIn++
    }
    expect(accepted).toEqual([])
    expect(letIn).toBe(CONTROLS)
    expect(kinds.size).toBeGreaterThan(250)
  })
})
