/** Embedders of providers as an isolate uses them: batches, budgets, breakers, fallbacks and keys, over HTTP. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { PASSAGE_POLICY, QUERY_POLICY } from '../../../src/models/providers/call-policy.ts'
import {
  FAULTS_TO_OPEN,
  FIRST_OPEN_MS,
  FULL_RETRY_BUDGET,
  MAX_CALLS_UNDER_WAY,
} from '../../../src/models/providers/endpoint-health.ts'
import { directModelFetch } from '../../../src/models/model-fetch.ts'
import { createRemoteModels } from '../../../src/models/remote-models.ts'
import { openAiRoutes } from '../../support/played-provider-openai.ts'
import { PlayedProvider } from '../../support/played-provider.ts'
import { CALLER, openAiSource, PLAYED_PROFILE } from '../../support/remote-models-fixture.ts'
import { RemoteWorld } from '../../support/remote-world.ts'

const played = await PlayedProvider.start({ routes: [openAiRoutes()] })
const second = await PlayedProvider.start({ routes: [openAiRoutes()] })
const source = openAiSource(played.url)
const fallback = openAiSource(second.url)
const QUERY = { kind: 'query' } as const
const PASSAGE = { kind: 'passage' } as const
const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `text number ${index}`)

interface Sent {
  readonly model: string
  readonly input: string[]
  readonly dimensions?: number
}

const sent = (provider = played): Sent[] => provider.requests.map(({ body }) => body as Sent)

beforeEach(() => {
  played.reset()
  second.reset()
})

afterAll(async () => {
  await played.stop()
  await second.stop()
})

describe('an embedder', () => {
  it('adds the prefix of its profile and names the model', async () => {
    const embedder = new RemoteWorld().embedder([source], { queryPrefix: 'query: ', passagePrefix: 'passage: ' })
    await embedder.embed(['a'], QUERY)
    await embedder.embed(['a'], PASSAGE)
    expect(sent()).toEqual([
      { model: 'played', input: ['query: a'], encoding_format: 'base64' },
      { model: 'played', input: ['passage: a'], encoding_format: 'base64' },
    ])
  })

  it('asks for the dimensions of its profile where the provider can shorten', async () => {
    const embedder = new RemoteWorld().embedder([openAiSource(played.url, { sendsDimensions: true })], {
      dimensions: 32,
    })
    expect((await embedder.embed(['a'], QUERY))[0]).toHaveLength(32)
    expect(sent()[0]?.dimensions).toBe(32)
  })

  it('shortens itself where the model was trained for it and the provider cannot', async () => {
    const text = 'The boat sank in the storm at night.'
    const world = new RemoteWorld()
    const [short] = await world.embedder([source], { dimensions: 32, matryoshka: [16, 32] }).embed([text], QUERY)
    const [whole] = await world.embedder([source]).embed([text], QUERY)
    const length = Math.hypot(...whole!.subarray(0, 32))
    expect(short).toHaveLength(32)
    for (const [index, value] of short!.entries()) expect(value).toBeCloseTo(whole![index]! / length, 6)
    const untrained = world.embedder([source], { dimensions: 32 }).embed([text], QUERY)
    await expect(untrained).rejects.toMatchObject({ code: 'upstream_failed' })
  })

  it('opens its own key for its tenant, model and place, and never quotes it', async () => {
    const keyed = openAiSource(played.url, { apiKey: 'sealed' })
    const world = new RemoteWorld()
    await world.embedder([keyed]).embed(['a'], QUERY)
    expect(played.requests[0]?.headers['authorization']).toBe('Bearer sealed of model/ten_1/mdl_1/apiKey/0')
    played.always({ fault: 'status', status: 500 })
    await world.embedder([keyed, openAiSource(second.url, { apiKey: 'other' })]).embed(['a'], QUERY)
    expect(second.requests[0]?.headers['authorization']).toBe('Bearer other of model/ten_1/mdl_1/apiKey/1')
    const lost = world.embedder([openAiSource(played.url, { apiKey: 'lost' })]).embed(['a'], QUERY)
    await expect(lost).rejects.toMatchObject({ code: 'upstream_refused' })
  })

  it('sends texts in batches, four at once, and puts the vectors where they belong', async () => {
    const texts = many(32 * 6 + 1)
    played.script(...Array.from({ length: 4 }, () => ({ fault: 'slow' }) as const))
    const answer = new RemoteWorld().embedder([source]).embed(texts, PASSAGE)
    await played.until(() => played.requests.length === 4)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(played.requests).toHaveLength(4)
    played.release()
    const vectors = await answer
    expect(sent().map(({ input }) => input.length)).toEqual([32, 32, 32, 32, 32, 32, 1])
    const alone = await new RemoteWorld().embedder([source]).embed([texts[100]!], PASSAGE)
    expect(vectors[100]).toEqual(alone[0])
    expect(vectors).toHaveLength(texts.length)
  })

  it('stops the other calls when one fails for good', async () => {
    played.script({ fault: 'slow' }, { fault: 'status', status: 401 })
    const answer = new RemoteWorld().embedder([source]).embed(many(32 * 8), PASSAGE)
    await expect(answer).rejects.toMatchObject({ code: 'upstream_refused' })
    expect(played.requests.length).toBeLessThanOrEqual(4)
    await played.until(() => played.abandoned > 0)
  })

  it('waits longer with each attempt, by chance', async () => {
    for (const [chance, expected] of [
      [0, [0, 0, 0]],
      [0.999, [499.5, 999, 1_998]],
    ] as const) {
      played.script({ fault: 'reset' }, { fault: 'reset' }, { fault: 'reset' })
      const world = new RemoteWorld()
      world.patience.chance = chance
      await world.embedder([source]).embed(['a'], PASSAGE)
      expect(world.patience.waits).toEqual(expected)
    }
  })

  it('ends a delay with the time of the whole', async () => {
    played.always({ fault: 'status', status: 429, headers: { 'retry-after': '14' } })
    const { patience } = new RemoteWorld()
    const remote = createRemoteModels({
      call: directModelFetch((request) => fetch(request)),
      openApiKey: async () => undefined,
      timeLimit: patience.timeLimit,
    })
    const model = { uid: 'mdl_1', task: 'embed', source, profile: PLAYED_PROFILE } as const
    const answer = remote.embedder(model, CALLER).embed(['a'], PASSAGE)
    await played.until(() => played.requests.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    patience.expire(PASSAGE_POLICY.totalMs)
    await expect(answer).rejects.toMatchObject({ code: 'upstream_timeout' })
    expect(played.requests).toHaveLength(1)
  })

  it('does not repeat more than its budget allows', async () => {
    const world = new RemoteWorld()
    const attempts: number[] = []
    for (let call = 0; call < 8; call++) {
      played.script(...Array.from({ length: PASSAGE_POLICY.attempts - 1 }, () => ({ fault: 'reset' }) as const))
      const before = played.requests.length
      await world
        .embedder([source])
        .embed(['a'], PASSAGE)
        .catch(() => undefined)
      attempts.push(played.requests.length - before)
      // The rest of the script is of no use to the next call.
      await world
        .embedder([source])
        .embed(['a'], QUERY)
        .catch(() => undefined)
    }
    const retries = attempts.reduce((sum, made) => sum + made - 1, 0)
    expect(retries).toBeLessThanOrEqual(FULL_RETRY_BUDGET + 4)
    expect(retries).toBeGreaterThanOrEqual(FULL_RETRY_BUDGET - 2)
  })

  it('leaves a provider alone that fails all the time, tries it after a while, and uses it when it is well', async () => {
    const world = new RemoteWorld()
    const embed = (): Promise<unknown> => world.embedder([source]).embed(['a'], QUERY)
    played.always({ fault: 'status', status: 500 })
    while (played.requests.length < FAULTS_TO_OPEN) await embed().catch(() => undefined)
    await expect(embed()).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: FIRST_OPEN_MS / 1_000 })
    expect(played.requests).toHaveLength(FAULTS_TO_OPEN)
    world.patience.nowMs += FIRST_OPEN_MS
    await expect(embed()).rejects.toMatchObject({ code: 'upstream_failed' })
    expect(played.requests).toHaveLength(FAULTS_TO_OPEN + 1)
    await expect(embed()).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: (2 * FIRST_OPEN_MS) / 1_000 })
    played.reset()
    world.patience.nowMs += 2 * FIRST_OPEN_MS
    await embed()
    await embed()
    expect(played.requests).toHaveLength(2)
  })

  it('is not kept from its provider by the faults of another model, not even of another tenant with the same one', async () => {
    const world = new RemoteWorld()
    played.always({ fault: 'status', status: 500 })
    for (let i = 0; i < FAULTS_TO_OPEN; i++) {
      await world
        .embedder([source], {}, 'mdl_bad')
        .embed(['a'], QUERY)
        .catch(() => undefined)
    }
    played.reset()
    await expect(world.embedder([source], {}, 'mdl_bad').embed(['a'], QUERY)).rejects.toThrow()
    expect(await world.embedder([source], {}, 'mdl_good').embed(['a'], QUERY)).toHaveLength(1)
  })

  it('does not open its breaker for refusals, which are nobody else’s fault', async () => {
    const world = new RemoteWorld()
    played.always({ fault: 'status', status: 401 })
    for (let i = 0; i < 3 * FAULTS_TO_OPEN; i++) {
      await expect(world.embedder([source]).embed(['a'], QUERY)).rejects.toMatchObject({ code: 'upstream_refused' })
    }
    expect(played.requests).toHaveLength(3 * FAULTS_TO_OPEN)
  })

  it('begins anew with another address or key', async () => {
    const world = new RemoteWorld()
    const keyed = openAiSource(played.url, { apiKey: 'key-that-is-used-up-a' })
    played.always({ fault: 'status', status: 429, headers: { 'retry-after': '3600' } })
    const asked = (at: typeof source) => world.embedder([at]).embed(['a'], QUERY)
    await expect(asked(keyed)).rejects.toMatchObject({ code: 'overloaded' })
    await expect(asked(source)).rejects.toMatchObject({ code: 'overloaded' })
    played.reset()
    await expect(asked(keyed)).rejects.toMatchObject({ code: 'overloaded' })
    expect(played.requests).toHaveLength(0)
    await asked(openAiSource(played.url, { apiKey: 'key-that-is-used-up-b' }))
    await asked(fallback)
    expect([played.requests.length, second.requests.length]).toEqual([1, 1])
  })

  it('leaves nothing behind when its caller’s request is dropped at any moment', async () => {
    // As the runtime does it: what is awaited never comes back, and no `finally` runs.
    const world = new RemoteWorld({ call: () => new Promise<never>(() => undefined) })
    for (let i = 0; i < MAX_CALLS_UNDER_WAY; i++) void world.embedder([source]).embed(['a'], QUERY)
    await new Promise((resolve) => setTimeout(resolve, 5))
    await expect(world.embedder([source]).embed(['a'], QUERY)).rejects.toMatchObject({ code: 'overloaded' })
    world.patience.nowMs += QUERY_POLICY.attemptMs
    const state = await Promise.race([
      world
        .embedder([source])
        .embed(['a'], QUERY)
        .then(
          () => 'answered',
          () => 'refused',
        ),
      new Promise((resolve) => setTimeout(() => resolve('under way'), 20)),
    ])
    expect(state).toBe('under way')
  })
})

describe('a fallback', () => {
  it('serves while the provider before it is down, and not when it is well', async () => {
    const world = new RemoteWorld()
    const embedder = world.embedder([source, fallback])
    const [well] = await embedder.embed(['a ship'], QUERY)
    expect(second.requests).toEqual([])
    played.always({ fault: 'status', status: 500 })
    expect(await embedder.embed(['a ship'], QUERY)).toEqual([well])
    expect(second.requests).toHaveLength(1)
  })

  it('has time left when the one before is silent', async () => {
    const world = new RemoteWorld()
    played.always({ fault: 'silence' })
    for (const kind of [QUERY, PASSAGE]) {
      const before = played.requests.length
      const answer = world.embedder([source, fallback]).embed(['a ship'], kind)
      await played.until(() => played.requests.length > before)
      world.patience.expire((kind === QUERY ? QUERY_POLICY : PASSAGE_POLICY).attemptMs)
      expect(await answer).toHaveLength(1)
      expect(played.requests).toHaveLength(before + 1)
    }
  })

  it('embeds only what the one before did not', async () => {
    played.script({ fault: 'none' }, { fault: 'none' }, { fault: 'none' })
    played.always({ fault: 'status', status: 403 })
    // The last batch is begun when one of the first four has come.
    const vectors = await new RemoteWorld().embedder([source, fallback]).embed(many(32 * 4 + 5), PASSAGE)
    expect(vectors).toHaveLength(32 * 4 + 5)
    const [first, rest] = [sent(second)[0]?.input.length, sent(second).length]
    expect(rest).toBeLessThanOrEqual(2)
    expect(first).toBe(32)
  })

  it('is refused like its provider, and the outage is told', async () => {
    const world = new RemoteWorld()
    played.always({ fault: 'status', status: 401 })
    second.always({ fault: 'status', status: 500 })
    const order = (...sources: Parameters<RemoteWorld['embedder']>[0]) =>
      world.embedder(sources, {}, JSON.stringify(sources)).embed(['a'], QUERY)
    await expect(order(source, fallback)).rejects.toMatchObject({ code: 'upstream_failed' })
    await expect(order(fallback, source)).rejects.toMatchObject({ code: 'upstream_failed' })
    second.always({ fault: 'status', status: 404 })
    await expect(order(source, fallback)).rejects.toMatchObject({ code: 'upstream_refused' })
  })

  it('has a breaker of its own', async () => {
    const world = new RemoteWorld()
    played.always({ fault: 'status', status: 500 })
    for (let i = 0; i < 10; i++) await world.embedder([source, fallback]).embed(['a'], QUERY)
    expect(played.requests.length).toBeLessThanOrEqual(FAULTS_TO_OPEN + 1)
    expect(second.requests).toHaveLength(10)
  })
})

describe('a model of another kind', () => {
  it('is a bug', () => {
    expect(() => new RemoteWorld().embedder([{ provider: 'edge' } as never])).toThrow('invariant')
  })
})
