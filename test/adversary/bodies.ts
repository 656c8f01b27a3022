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

const RECIPES: Readonly<Record<string, Recipe>> = {
  search: (_, context) => wideSearch(context),
  searchCollections: (_, context) => ({ ...wideSearch(context), collections: [context.collection] }),
  answer: (_, { query }) => ({ question: `What is ${query}?`, search: { limit: 20 } }),
  createCollection: (_, { dice }) => ({ name: `made-${dice.letters(12)}` }),
  createTenant: (_, { dice }) => ({ id: `made-${dice.letters(16)}`, name: 'made' }),
  updateTenant: () => ({ name: 'renamed' }),
  putDocuments: (_, { document, dice }) => ({
    documents: [{ id: document, text: `The heron ${dice.letters(6)} waits.`, metadata: { team: 'blue' } }],
  }),
  patchDocument: (_, { dice }) => ({ metadata: { seen: dice.letters(6) } }),
  deleteDocuments: (_, { document }) => ({ ids: [document] }),
}

/** Operations whose body names a thing of the tenant, and which. */
export const NAMED_IN_BODY: Readonly<Record<string, keyof Pick<BodyContext, 'collection' | 'document'>>> = {
  searchCollections: 'collection',
  deleteDocuments: 'document',
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

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
