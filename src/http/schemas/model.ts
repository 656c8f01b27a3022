/** A model on the wire, as callers describe it and as they see it again: everything but its keys. */
import { z } from '@hono/zod-openapi'
import type { ModelRecord } from '../../catalog/records.ts'
import { rfc3339 } from '../../core/clock.ts'
import {
  MAX_DIMENSIONS,
  MAX_MODEL_FALLBACKS,
  MAX_MODEL_LANGUAGES,
  MAX_MODEL_PREFIX_LENGTH,
  MAX_MODEL_TOKENS,
  MAX_PROVIDER_KEY_LENGTH,
  MAX_PROVIDER_NAME_LENGTH,
} from '../../core/limits.ts'
import type { ModelInput, SourceInput } from '../../models/configure-model.ts'
import type { ModelProfile } from '../../models/embedder.ts'
import { findKnownModel } from '../../models/known-models.ts'
import { type EmbeddingModel, isRemote, type Model, type ModelSource, type RemoteSource } from '../../models/model.ts'
import { isProductName } from '../../models/product-models.ts'
import { modelNameOf, priceOf } from '../../models/remote-profile.ts'
import type { Principal } from '../../tenancy/principal.ts'
import type { Scope } from '../../tenancy/scopes.ts'
import { defined } from '../../core/defined.ts'
import { time } from './fields.ts'

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/
const NAME_RULE = 'must match [a-z0-9][a-z0-9._-]{0,62} and not begin with edge- or mdl_'

/** A tenant's own name for a model. */
export const modelId = z
  .string()
  .refine(
    (name) => NAME.test(name) && !isProductName(name) && !name.startsWith('mdl_'),
    `${NAME_RULE}, and not be bring-your-own`,
  )
  .openapi({ description: 'Unique within the tenant; it never changes.', example: 'our-embeddings' })

/** A provider's name for something: printable, without spaces, because it goes into addresses and headers. */
const providerName = z
  .string()
  .min(1)
  .max(MAX_PROVIDER_NAME_LENGTH)
  .regex(/^[!-~]+$/, 'must be printable ASCII without spaces')

const address = (description: string) => z.string().min(1).openapi({ format: 'uri', description })

export const apiKeyField = z
  .string()
  .min(1)
  .max(MAX_PROVIDER_KEY_LENGTH)
  .regex(/^[!-~]+$/, 'must be printable ASCII without spaces')
  .openapi({ description: "The provider's key. Kept sealed, and never shown again.", writeOnly: true })

const PUBLIC_HTTPS = 'https on a public host, unless the operator allows private endpoints. Redirects are not followed.'

const workersAiFields = {
  provider: z.literal('workers-ai'),
  model: providerName.openapi({ example: '@cf/baai/bge-m3' }),
  accountId: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'must be 32 hex digits')
    .optional()
    .openapi({ description: "With `apiKey`: an account of the tenant's own, called over REST." }),
  apiKey: apiKeyField.optional(),
  baseUrl: address(`Instead of Cloudflare's API, such as an AI Gateway. ${PUBLIC_HTTPS}`).optional(),
}

const huggingFaceFields = {
  provider: z.literal('huggingface'),
  model: providerName.optional().openapi({ example: 'BAAI/bge-m3' }),
  endpointUrl: address(`A dedicated endpoint that speaks TEI. ${PUBLIC_HTTPS}`).optional(),
  inferenceProvider: providerName.optional().openapi({
    description: 'Which inference provider serves it, such as `hf-inference`; `auto` unless told.',
  }),
  apiKey: apiKeyField.optional(),
}

const openAiFields = {
  provider: z.literal('openai-compatible'),
  model: providerName.openapi({ example: 'text-embedding-3-small' }),
  baseUrl: address(`What \`/embeddings\`, \`/rerank\` and \`/chat/completions\` are appended to. ${PUBLIC_HTTPS}`),
  apiKey: apiKeyField.optional(),
}

const fallbackSchema = z
  .discriminatedUnion('provider', [
    z.strictObject(workersAiFields),
    z.strictObject(huggingFaceFields),
    z.strictObject(openAiFields),
  ])
  .openapi('ModelFallback', { description: 'Another provider of the same model, asked when those before it are down.' })

export const fallbacksField = z.array(fallbackSchema).min(1).max(MAX_MODEL_FALLBACKS)

/** Where a model runs, as an archive tells it. */
export const archivedSourceSchema = (() => {
  const keyless = [
    z.strictObject(workersAiFields).omit({ apiKey: true }),
    z.strictObject(huggingFaceFields).omit({ apiKey: true }),
    z.strictObject({ ...openAiFields, sendsDimensions: z.boolean().optional() }).omit({ apiKey: true }),
  ] as const
  const [workersAi, huggingFace, openAi] = keyless
  const fallbacks = z
    .array(z.discriminatedUnion('provider', [...keyless]))
    .max(MAX_MODEL_FALLBACKS)
    .optional()
  return z.discriminatedUnion('provider', [
    workersAi.extend({ fallbacks }),
    huggingFace.extend({ fallbacks }),
    openAi.extend({ fallbacks }),
  ])
})()

const prefix = z.string().max(MAX_MODEL_PREFIX_LENGTH)

const commonFields = {
  dimensions: z.number().int().min(1).max(MAX_DIMENSIONS).optional().openapi({
    description: "A Matryoshka step of a known model, or an unknown model's own length, which is required.",
  }),
  maxTokens: z.number().int().min(16).max(MAX_MODEL_TOKENS).optional().openapi({
    description: 'Longest input of an unknown model, in its tokens.',
  }),
  queryPrefix: prefix.optional().openapi({ description: 'What an unknown model wants in front of a query.' }),
  passagePrefix: prefix.optional(),
  languages: z
    .array(z.string().regex(/^[a-z]{2,3}$/, 'must be a primary language subtag'))
    .max(MAX_MODEL_LANGUAGES)
    .optional()
    .openapi({ description: 'What the model was trained for; empty means any.' }),
  fallbacks: fallbacksField.optional(),
}

/** A model that belongs to the collection that describes it. */
export const remoteModelSchemas = [
  z.strictObject({ ...workersAiFields, ...commonFields }).openapi('WorkersAiModel'),
  z.strictObject({ ...huggingFaceFields, ...commonFields }).openapi('HuggingFaceModel'),
  z.strictObject({ ...openAiFields, ...commonFields }).openapi('OpenAiCompatibleModel'),
] as const

const ownFields = {
  id: modelId,
  task: z
    .enum(['embed', 'rerank', 'generate'])
    .optional()
    .openapi({ description: 'Known of known models; `embed` of others unless told.' }),
}

export const newModelSchema = z
  .discriminatedUnion('provider', [
    z.strictObject({ ...ownFields, ...workersAiFields, ...commonFields }),
    z.strictObject({ ...ownFields, ...huggingFaceFields, ...commonFields }),
    z.strictObject({ ...ownFields, ...openAiFields, ...commonFields }),
  ])
  .openapi('CreateModel')

export const changedModelSchema = z
  .strictObject({
    apiKey: apiKeyField.optional(),
    baseUrl: address(PUBLIC_HTTPS).optional(),
    endpointUrl: address(PUBLIC_HTTPS).optional(),
    fallbacks: z.array(fallbackSchema).max(MAX_MODEL_FALLBACKS).optional(),
  })
  .openapi('UpdateModel', {
    description: 'A model that has a key needs it again with another address: a key goes where its owner sent it.',
  })

type WireModel = z.output<(typeof remoteModelSchemas)[number]>

/** As the room below takes it. */
export function modelInput(model: WireModel): ModelInput {
  const { fallbacks, ...rest } = model
  return {
    ...defined(rest),
    ...(fallbacks === undefined ? {} : { fallbacks: fallbacks.map(sourceInput) }),
  }
}

export const sourceInput = (source: z.output<typeof fallbackSchema>): SourceInput => defined(source) as SourceInput

const sourceViewFields = {
  provider: z.enum(['edge', 'workers-ai', 'huggingface', 'openai-compatible', 'word-vectors', 'bring-your-own']),
  model: z.string().optional().openapi({ description: "The provider's name for it." }),
  accountId: z.string().optional(),
  baseUrl: z.string().optional(),
  endpointUrl: z.string().optional(),
  inferenceProvider: z.string().optional(),
  hasApiKey: z.boolean().optional().openapi({ description: 'Whether a key of the provider is kept for it.' }),
}

const fallbackViewSchema = z.object(sourceViewFields).openapi('ModelFallbackView')

const profileFields = {
  dimensions: z.number().int().optional().openapi({ description: 'Of a model that embeds.' }),
  maxTokens: z
    .number()
    .int()
    .optional()
    .openapi({ description: 'Longest input in its own tokens, where it is known.' }),
  queryPrefix: z.string().optional(),
  passagePrefix: z.string().optional(),
  languages: z.array(z.string()).optional(),
}

/** A collection's own model, as the collection shows it. */
export const remoteModelViewSchema = z
  .object({ ...sourceViewFields, ...profileFields, fallbacks: z.array(fallbackViewSchema).optional() })
  .openapi('RemoteModelView', {
    description: "A provider's model. Where it runs is shown to keys with the scope `collections` or `admin`.",
  })

export const modelSchema = z
  .object({
    id: z.string().openapi({ description: 'What collections and requests call it.', example: 'edge-en' }),
    object: z.literal('model'),
    task: z.enum(['embed', 'rerank', 'generate']),
    ...sourceViewFields,
    ...profileFields,
    profile: z.string().optional().openapi({
      description: 'Which vectors are alike: those of equal profile, version and dimensions.',
    }),
    version: z.number().int().optional(),
    matryoshka: z.array(z.number().int()).optional().openapi({ description: 'Lengths that a vector may be cut to.' }),
    licence: z.string().openapi({ description: 'SPDX identifier of the weights.' }),
    pricePerMillionTokens: z.number().openapi({ description: 'US dollars of input; 0 where nobody published one.' }),
    fallbacks: z.array(fallbackViewSchema).optional(),
    origin: z
      .enum(['word2vec', 'word2vec-binary', 'glove', 'fasttext', 'ppmi-svd'])
      .optional()
      .openapi({ description: 'Of word vectors: the format of their file, or what trained them.' }),
    words: z.number().int().optional().openapi({ description: 'Of word vectors: how many words are known.' }),
    createdAt: time.optional(),
    updatedAt: time.optional(),
  })
  .openapi('Model')

/** Who is shown a model. */
export type ModelReader = Pick<Principal, 'kind' | 'scopes'>

/** For routes that nobody else reaches. */
export const ADMINISTRATOR: ModelReader = { kind: 'root', scopes: new Set() }

export type ModelView = z.input<typeof modelSchema>

/** As OpenAI answers it, so that its clients can read the list, with the page's cursor beside it. */
export const modelPageSchema = z
  .object({
    object: z.literal('list'),
    data: z.array(modelSchema),
    nextCursor: z.string().nullable().openapi({ description: '`null` at the end.' }),
  })
  .openapi('ModelPage')

type SourceView = z.input<typeof fallbackViewSchema>

/** Field by field, so that nothing new of a source is shown by accident, a key least of all. */
function sourceView(source: RemoteSource): SourceView {
  const { provider, model, apiKey } = source
  const { accountId } = source.provider === 'workers-ai' ? source : {}
  const { baseUrl } = source.provider === 'huggingface' ? {} : source
  const { endpointUrl, inferenceProvider } = source.provider === 'huggingface' ? source : {}
  const hasApiKey = apiKey !== undefined
  return { ...defined({ provider, model, accountId, baseUrl, endpointUrl, inferenceProvider }), hasApiKey }
}

function fullSourceView(source: ModelSource): SourceView & { fallbacks?: SourceView[] } {
  if (!isRemote(source)) return { provider: source.provider }
  const { fallbacks } = source
  return { ...sourceView(source), ...(fallbacks === undefined ? {} : { fallbacks: fallbacks.map(sourceView) }) }
}

const profileView = (profile: ModelProfile) => ({
  dimensions: profile.dimensions,
  maxTokens: profile.maxTokens,
  queryPrefix: profile.queryPrefix,
  passagePrefix: profile.passagePrefix,
  languages: [...profile.languages],
})

/** Which model it is, without where it runs. A dedicated endpoint that needs no name is named by nothing here. */
const plainSourceView = (source: ModelSource): SourceView =>
  isRemote(source) ? defined({ provider: source.provider, model: source.model }) : { provider: source.provider }

/** Where a model runs concerns only those who may change it. */
const seesAddresses = ({ kind, scopes }: ModelReader, ...anyOf: readonly Scope[]): boolean =>
  kind === 'root' || (kind === 'secret' && anyOf.some((scope) => scopes.has(scope)))

/** A collection's own model. */
export function remoteModelView(
  { source, profile }: EmbeddingModel,
  reader: ModelReader,
): z.input<typeof remoteModelViewSchema> {
  const isFull = seesAddresses(reader, 'admin', 'collections')
  return { ...(isFull ? fullSourceView(source) : plainSourceView(source)), ...profileView(profile) }
}

/** A model of the product, or one that a tenant named. */
export function modelView(
  model: (Model & { readonly profile?: ModelProfile }) | ModelRecord,
  reader: ModelReader,
): ModelView {
  const { source, task, profile } = model
  const known = isRemote(source) ? findKnownModel(modelNameOf(source)) : undefined
  const shown: ModelView = {
    id: ('name' in model ? model.name : undefined) ?? model.uid,
    object: 'model',
    task,
    ...(seesAddresses(reader, 'admin') ? fullSourceView(source) : plainSourceView(source)),
    ...(source.provider === 'word-vectors' ? { origin: source.origin, words: source.words } : {}),
    licence: profile?.licence ?? known?.licence ?? 'unknown',
    pricePerMillionTokens: profile?.pricePerMillionTokens ?? (isRemote(source) ? priceOf(source) : 0),
    ...('createdAtMs' in model ? { createdAt: rfc3339(model.createdAtMs), updatedAt: rfc3339(model.updatedAtMs) } : {}),
  }
  if (profile === undefined) {
    return { ...shown, ...(known === undefined ? {} : { maxTokens: known.maxTokens, languages: [...known.languages] }) }
  }
  const { id, version, matryoshka } = profile
  // The profile of an endpoint that needs no name is named after its host.
  const tellsPlace = isRemote(source) && source.model === undefined && !seesAddresses(reader, 'admin')
  return {
    ...shown,
    ...profileView(profile),
    ...(tellsPlace ? {} : { profile: id }),
    version,
    matryoshka: [...matryoshka],
  }
}
