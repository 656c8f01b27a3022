/**
 * Bodies that a route accepts. The start is the example of the OpenAPI document; what must be unique or must name things
 * that exist is set here. An operation that the matrix never sees succeed fails the run with a hint to come here.
 */
import type { Operation } from './surface.ts'
import type { Dice } from './wire.ts'

export interface BodyContext {
  readonly dice: Dice
  /** Words that would find foreign and hidden documents, if anything could. */
  readonly query: string
  /** A collection that the request may name in its body. */
  readonly collection: string
  /** A document that the request may name in its body. */
  readonly document: string
}

type Recipe = (example: Record<string, unknown>, context: BodyContext) => unknown

/** Sought in every search: whatever is out of reach and matches would come up. */
const wideSearch = ({ query }: BodyContext): Record<string, unknown> => ({
  query,
  limit: 50,
  facets: ['note', 'team'],
})

const FORM = 'multipart/form-data'
const FILE = 'application/octet-stream'
const BOUNDARY = 'adversary'

/** Bytes that are no document, so that no model is kept busy: such a file fails for good. */
export const UNREADABLE = 'GIF89a\u0001\u0000\u0001\u0000\u0000\u0000\u0000;'

const RECIPES: Readonly<Record<string, Recipe>> = {
  search: (_, context) => wideSearch(context),
  searchCollections: (_, context) => ({ ...wideSearch(context), collections: [context.collection] }),
  answer: (_, { query }) => ({ question: `What is ${query}?`, search: { limit: 20 } }),
  createCollection: (_, { dice }) => ({ name: `made-${dice.letters(12)}` }),
  createTenant: (_, { dice }) => ({ id: `made-${dice.letters(16)}`, name: 'made' }),
  importModel: (_, { dice }) => `heron 1 2 3\nferry 3 ${1 + dice.letters(3).length} 1\n`,
  trainModel: (example, { dice, collection }) => ({
    ...example,
    id: `made-${dice.letters(12)}`,
    minCount: 1,
    collection,
  }),
  createModel: (example, { dice }) => ({ ...example, id: `made-${dice.letters(12)}` }),
  updateTenant: () => ({ name: 'renamed' }),
  putDocuments: (_, { document, dice }) => ({
    documents: [{ id: document, text: `The heron ${dice.letters(6)} waits.`, metadata: { team: 'blue' } }],
  }),
  uploadFiles: (_, { dice }) => {
    const head = `Content-Disposition: form-data; name="file"; filename="made/${dice.letters(8)}.gif"`
    return `--${BOUNDARY}\r\n${head}\r\n\r\n${UNREADABLE}\r\n--${BOUNDARY}--\r\n`
  },
  patchDocument: (_, { dice }) => ({ metadata: { seen: dice.letters(6) } }),
  deleteDocuments: (_, { document }) => ({ ids: [document] }),
  // The same beginning again, because a tenant has room for a hundred.
  crawl: () => ({ url: 'https://docs.example/', maxPages: 1 }),
  createSource: () => ({ kind: 'bucket', prefix: 'manuals/' }),
}

/** What a route requires in its query. */
export const validQuery = ({ id }: Operation, dice: Dice): string =>
  id === 'importModel' ? `?id=made-${dice.letters(12)}` : ''

/** Operations whose body names a thing of the tenant, and which. */
export const NAMED_IN_BODY: Readonly<Record<string, keyof Pick<BodyContext, 'collection' | 'document'>>> = {
  searchCollections: 'collection',
  trainModel: 'collection',
  deleteDocuments: 'document',
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The content type that goes with a body. */
export const contentTypeOf = ({ body }: Operation): string =>
  body?.mediaType === FORM ? `${FORM}; boundary=${BOUNDARY}` : (body?.mediaType ?? 'application/json')

/** A body that is stored while it comes is read after it is known that there is a place for it. */
export const isReadLast = ({ body }: Operation): boolean => body?.mediaType === FORM || body?.mediaType === FILE

/** @throws Error for a documented body without an example, which a route of its own kind needs a recipe for */
export function validBody({ id, body }: Operation, context: BodyContext): unknown {
  if (body === undefined) return undefined
  const recipe = RECIPES[id]
  if (recipe !== undefined) return recipe(isRecord(body.example) ? body.example : {}, context)
  if (body.example === undefined) {
    throw new Error(
      `the adversary has no valid body for ${id}: give the route an example or test/adversary/bodies.ts a recipe`,
    )
  }
  return structuredClone(body.example)
}
