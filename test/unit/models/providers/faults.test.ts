/** Every way in which a provider can fail, at every provider, over HTTP: what the caller hears, and what is tried again. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { asProblem, type Problem } from '../../../../src/core/problem.ts'
import { PASSAGE_POLICY, QUERY_POLICY } from '../../../../src/models/providers/call-policy.ts'
import type { PlayedFault } from '../../../support/played-provider.ts'
import { type PlayedEmbedding, playedEmbeddings } from '../../../support/played-providers.ts'
import { RemoteWorld } from '../../../support/remote-world.ts'

const providers = await playedEmbeddings()

beforeEach(() => {
  for (const { played } of providers) played.reset()
})

afterAll(async () => {
  await Promise.all(providers.map(({ played }) => played.stop()))
})

interface Asked {
  readonly world: RemoteWorld
  readonly answer: Promise<Float32Array[]>
}

function ask({ source, dependencies }: PlayedEmbedding, texts = ['a ship', 'a bill']): Asked {
  const world = new RemoteWorld(dependencies)
  return { world, answer: world.embedder([source]).embed(texts, { kind: 'query' }) }
}

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const problem = asProblem(await work.catch((error: unknown) => error))
  if (problem === undefined) throw new Error('nothing was refused')
  return problem
}

/** Calls that embed: the hub's lookups are GETs. */
const calls = ({ played }: PlayedEmbedding): number => played.requests.filter(({ method }) => method === 'POST').length

const WRONG_ANSWERS: readonly PlayedFault[] = [
  { fault: 'count', by: -1 },
  { fault: 'count', by: 1 },
  { fault: 'dimensions', dimensions: 63 },
  { fault: 'dimensions', dimensions: 128 },
  { fault: 'dimensions', dimensions: 0 },
  { fault: 'number', value: 'null' },
  { fault: 'number', value: 'text' },
  { fault: 'zero' },
]

const BROKEN_ANSWERS: readonly PlayedFault[] = [
  { fault: 'reset' },
  { fault: 'cut' },
  { fault: 'half' },
  { fault: 'page' },
  { fault: 'body', body: '' },
  { fault: 'body', body: '{"data": [' },
]

const EMPTY_ANSWERS: readonly PlayedFault[] = ['null', '[]', '{}', '"text"', '{"data": {}}', '{"data": [null, 1]}'].map(
  (body) => ({ fault: 'body', body }),
)

describe.each(providers)('$name', (provider) => {
  const { played } = provider

  it.each(WRONG_ANSWERS)('that answers wrongly (%j) stores nothing', async (fault) => {
    played.always(fault)
    expect(await problemOf(ask(provider).answer)).toMatchObject({ code: 'upstream_failed' })
  })

  it.each(EMPTY_ANSWERS)('that answers %j stores nothing', async (fault) => {
    played.always(fault)
    expect(await problemOf(ask(provider).answer)).toMatchObject({ code: 'upstream_failed' })
  })

  it('that answers with NaN stores nothing', async () => {
    played.always({ fault: 'number', value: 'nan' })
    expect(await problemOf(ask(provider).answer)).toMatchObject({ code: 'upstream_failed' })
  })

  it.each(BROKEN_ANSWERS)('that breaks off (%j) is asked once more', async (fault) => {
    const whole = await ask(provider).answer
    played.script(fault)
    expect(await ask(provider).answer).toEqual(whole)
    played.always(fault)
    const before = calls(provider)
    const { world, answer } = ask(provider)
    expect(await problemOf(answer)).toMatchObject({ code: 'upstream_failed' })
    expect(calls(provider)).toBe(before + QUERY_POLICY.attempts)
    expect(world.patience.waits).toEqual([QUERY_POLICY.baseDelayMs / 2])
  })

  it.each([500, 502, 520])('that answers %i is asked once more', async (status) => {
    await ask(provider).answer
    played.script({ fault: 'status', status })
    expect(await ask(provider).answer).toHaveLength(2)
    played.always({ fault: 'status', status })
    const problem = await problemOf(ask(provider).answer)
    expect(problem.code).toBe('upstream_failed')
    expect(problem.message).toContain(String(status))
    expect(problem.message).not.toMatch(/sk-played|confidential|sealed/)
  })

  it.each([400, 401, 402, 403, 404, 422])('that answers %i is not asked again', async (status) => {
    await ask(provider).answer
    played.always({ fault: 'status', status })
    const before = calls(provider)
    const problem = await problemOf(ask(provider, ['one']).answer)
    expect(problem.code).toBe('upstream_refused')
    expect(problem.message).not.toMatch(/sk-played|confidential|sealed/)
    expect(calls(provider)).toBe(before + 1)
  })

  it('that asks for patience is given it', async () => {
    await ask(provider).answer
    played.script({ fault: 'status', status: 429, headers: { 'retry-after': '1' } })
    const { world, answer } = ask(provider)
    expect(await answer).toHaveLength(2)
    expect(world.patience.waits).toEqual([1_000 + QUERY_POLICY.baseDelayMs / 2])
  })

  it('that asks for more patience than a query has is not asked again, and its caller is told when', async () => {
    await ask(provider).answer
    played.always({ fault: 'status', status: 429, headers: { 'retry-after': '7' } })
    const before = calls(provider)
    const { world, answer } = ask(provider)
    expect(await problemOf(answer)).toMatchObject({ code: 'overloaded', retryAfterSeconds: 7 })
    expect(calls(provider)).toBe(before + 1)
    expect(world.patience.waits).toEqual([])
  })

  it('that is loading its model says for how long', async () => {
    await ask(provider).answer
    played.always({ fault: 'loading', estimatedSeconds: 20 })
    // Cloudflare knows nothing like it.
    const retryAfterSeconds = provider.source.provider === 'workers-ai' ? 5 : 20
    expect(await problemOf(ask(provider).answer)).toMatchObject({ code: 'overloaded', retryAfterSeconds })
  })

  it.each([{ fault: 'silence' }, { fault: 'drip' }] as const)('that plays $fault is left', async (fault) => {
    await ask(provider).answer
    played.requests.length = 0
    played.always(fault)
    const { world, answer } = ask(provider)
    await played.until(() => played.requests.length > 0)
    world.patience.expire(QUERY_POLICY.attemptMs)
    await played.until(() => played.requests.length > 1)
    world.patience.expire(QUERY_POLICY.attemptMs)
    expect(await problemOf(answer)).toMatchObject({ code: 'upstream_timeout' })
    await played.until(() => played.abandoned === 2)
  })

  it('that is silent uses up no more than the time of the whole', async () => {
    await ask(provider).answer
    played.requests.length = 0
    played.always({ fault: 'silence' })
    const { world, answer } = ask(provider)
    await played.until(() => played.requests.length > 0)
    world.patience.expire(QUERY_POLICY.totalMs)
    expect(await problemOf(answer)).toMatchObject({ code: 'upstream_timeout' })
    await played.until(() => played.abandoned === 1)
    expect(played.requests).toHaveLength(1)
  })

  it('that is slow is waited for', async () => {
    await ask(provider).answer
    played.requests.length = 0
    played.script({ fault: 'slow' })
    const { answer } = ask(provider)
    await played.until(() => played.requests.length > 0)
    played.release()
    expect(await answer).toHaveLength(2)
  })

  it('that never ends its answer is left after so many bytes', async () => {
    await ask(provider).answer
    played.always({ fault: 'endless' })
    expect(await problemOf(ask(provider).answer)).toMatchObject({ code: 'upstream_failed' })
    await played.until(() => played.abandoned > 0)
  })

  it('that sends elsewhere is not followed', async () => {
    await ask(provider).answer
    const before = calls(provider)
    played.always({ fault: 'redirect', location: `${played.url}/elsewhere` })
    expect(await problemOf(ask(provider).answer)).toMatchObject({ code: 'upstream_refused' })
    expect(calls(provider)).toBe(before + 1)
    expect(played.requests.some(({ path }) => path === '/elsewhere')).toBe(false)
  })

  it('answers in any order where it says which is which', async () => {
    const inOrder = await ask(provider).answer
    played.script({ fault: 'reversed' })
    expect(await ask(provider).answer).toEqual(inOrder)
    played.always({ fault: 'indexes' })
    const outcome = await ask(provider).answer.catch((error: unknown) => asProblem(error)?.code)
    expect(outcome).toEqual(provider.indexes ? 'upstream_failed' : inOrder)
  })

  it('gets passages more patience than queries', async () => {
    await ask(provider).answer
    played.script(...Array.from({ length: PASSAGE_POLICY.attempts - 1 }, () => ({ fault: 'reset' }) as const))
    const world = new RemoteWorld(provider.dependencies)
    const vectors = await world.embedder([provider.source]).embed(['a ship'], { kind: 'passage' })
    expect(vectors).toHaveLength(1)
    expect(world.patience.waits).toEqual([250, 500, 1_000])
  })
})
