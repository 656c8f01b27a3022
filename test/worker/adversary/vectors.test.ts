/**
 * Vectors and raw scores tell what a text says: no route shows them to a public key or a token, however it is asked. Driven
 * from the OpenAPI document; the same requests with a secret key show both, so that nothing passes by finding nothing.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { validBody } from '../../adversary/bodies.ts'
import { Canaries } from '../../adversary/canaries.ts'
import { PlantedTenant } from '../../adversary/planted-tenant.ts'
import { filledPath, isForOperator, isSafe, surfaceOf } from '../../adversary/surface.ts'
import type { Operation, Surface } from '../../adversary/surface.ts'
import { Dice, jsonOf } from '../../adversary/wire.ts'
import type { Send } from '../../adversary/wire.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { makeWorld } from '../http/http-harness.ts'
import { appWire } from './app-wire.ts'

const SHOP = 'https://shop.example'
const TELLING = /^(vectors?|embeddings?|scores|explain|explanation|centroids?|keywordScore|vectorScore)$/i
/** An array of as many numbers is a vector, whatever it is called. */
const VECTOR_LENGTH = 8
/** What a caller may add to a search to be told more. */
const PROBES = [{}, { explain: true }, { exact: true }, { vector: Array.from({ length: 384 }, () => 0.05) }]

const dice = new Dice(seededRandom(18))
let send: Send
let surface: Surface
let tenant: PlantedTenant
let operations: readonly Operation[]

beforeAll(async () => {
  const { rootKey, ...world } = await makeWorld()
  send = appWire({ rootKey, ...world })
  surface = await surfaceOf(send)
  tenant = await PlantedTenant.create({ send, surface, canaries: new Canaries(dice), dice, rootKey }, 'v')
  operations = surface.operations.filter((operation) => !operation.isPublic && !isForOperator(operation))
})

/** Names and places of what would tell. */
function tellingParts(value: unknown, pointer = ''): string[] {
  if (typeof value !== 'object' || value === null) return []
  const isVector = Array.isArray(value) && value.length >= VECTOR_LENGTH && value.every((x) => typeof x === 'number')
  return [
    ...(isVector ? [pointer] : []),
    ...Object.entries(value).flatMap(([name, member]) => [
      ...(TELLING.test(name) ? [`${pointer}/${name}`] : []),
      ...tellingParts(member, `${pointer}/${name}`),
    ]),
  ]
}

const isSearch = ({ id }: Operation): boolean => ['search', 'searchCollections', 'answer'].includes(id)

function bodiesOf(operation: Operation): (string | undefined)[] {
  const names = { dice, query: 'heron', collection: tenant.openCollection, document: 'spare' }
  const body = validBody(operation, names)
  if (body === undefined || typeof body === 'string') return [body]
  if (typeof body !== 'object' || body === null) throw new Error(`${operation.id} takes no object`)
  const bodies = isSearch(operation) ? PROBES.map((probe) => withProbe(operation, body, probe)) : [body]
  return bodies.map((one) => JSON.stringify(one))
}

/** An answer takes what concerns its search in a member of its own. */
const withProbe = ({ id }: Operation, body: object, probe: object): object =>
  id === 'answer' ? { ...body, search: { limit: 20, ...probe } } : { ...body, ...probe }

function pathsOf(operation: Operation, segments: readonly string[]): string[] {
  const path = filledPath(operation.path, segments)
  return operation.query.some(({ name }) => name === 'include')
    ? [path, `${path}?include=vectors`, `${path}?include=text,chunks,vectors`]
    : [path]
}

/** Calls everything; the routes that answered, what was told, and how many requests were refused. */
async function askEverything(
  headers: Readonly<Record<string, string>>,
): Promise<{ succeeded: Set<string>; told: string[]; refused: number }> {
  const succeeded = new Set<string>()
  const told: string[] = []
  let refused = 0
  for (const operation of operations) {
    const segments = isSafe(operation)
      ? operation.places.map((place) => tenant.places.get(place)?.own ?? 'x')
      : await tenant.spareSegments(operation)
    for (const path of pathsOf(operation, segments)) {
      for (const body of bodiesOf(operation)) {
        const type = body === undefined ? {} : { 'content-type': operation.body?.mediaType ?? 'application/json' }
        const answer = await send({ method: operation.method, path, headers: { ...headers, ...type }, body })
        if (answer.status < 300) succeeded.add(operation.id)
        else refused++
        if (answer.status < 300 && !isSafe(operation)) tenant.spend(operation)
        told.push(...tellingParts(jsonOf(answer)).map((part) => `${operation.id} ${part}`))
      }
    }
  }
  return { succeeded, told, refused }
}

describe('vectors and raw scores', () => {
  it('are shown to nobody by a public key', async () => {
    const scopes = ['search', 'answer', 'documents:read']
    const { secret } = await tenant.makeKey({ kind: 'public', scopes, origins: [SHOP] })
    const { succeeded, told, refused } = await askEverything({ authorization: `Bearer ${secret}`, origin: SHOP })
    expect(told).toEqual([])
    for (const id of ['search', 'searchCollections', 'answer', 'getDocument']) expect([...succeeded]).toContain(id)
    expect(refused).toBeGreaterThan(10)
  })

  it('are shown to nobody by a token', async () => {
    const scopes = ['search', 'answer', 'documents:read', 'documents:write']
    const made = (await tenant.call('POST', '/v1/tokens', { ttlSeconds: 600, scopes })) as { token: string }
    const { succeeded, told, refused } = await askEverything({ authorization: `Bearer ${made.token}` })
    expect(told).toEqual([])
    for (const id of ['search', 'searchCollections', 'answer', 'getDocument', 'putDocuments']) {
      expect([...succeeded]).toContain(id)
    }
    expect(refused).toBeGreaterThan(10)
  })

  it('are found where a secret key asks for them', async () => {
    const scopes = ['search', 'answer', 'documents:read']
    const { secret } = await tenant.makeKey({ scopes })
    const { told } = await askEverything({ authorization: `Bearer ${secret}` })
    const kinds = new Set(told.map((part) => part.replaceAll(/\/\d+/g, '')))
    expect([...kinds].toSorted()).toEqual(
      expect.arrayContaining(['getDocument /vectors', 'search /hits/explain', 'search /hits/scores']),
    )
  })
})
