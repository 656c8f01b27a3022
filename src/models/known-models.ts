/**
 * Models of other makers that Nearfield knows: what their makers say about input, output and prefixes, under the names that
 * providers give them. Their profile is therefore the same wherever they run. Prices as of September 2026.
 */
import type { ModelProfile } from './embedder.ts'
import type { ModelTask } from './model.ts'

/** US dollars for a million tokens. */
export interface ModelPrice {
  readonly input: number
  /** Of what a language model writes. */
  readonly output?: number
}

export interface KnownModel {
  /** One name for the same weights everywhere; the id of its profile. */
  readonly id: string
  readonly task: ModelTask
  /** Other names of the same weights, in lower case: Workers AI, the Hugging Face hub, Ollama, LM Studio. */
  readonly names: readonly string[]
  /** Longest input in tokens; of a reranker, query and document together. */
  readonly maxTokens: number
  /** BCP 47 primary subtags; empty means any. */
  readonly languages: readonly string[]
  /** SPDX identifier of the weights, `proprietary` for hosted models. */
  readonly licence: string
  /** The maker's list price of a proprietary model. */
  readonly price?: ModelPrice
  /** On Workers AI; absent where Cloudflare publishes none. */
  readonly workersAiPrice?: ModelPrice
  /** Exactly for `task: 'embed'`, at its full length and without a price. */
  readonly profile?: ModelProfile
}

interface EmbeddingFacts extends Omit<KnownModel, 'task' | 'profile'> {
  readonly dimensions: number
  readonly pooling: ModelProfile['pooling']
  readonly queryPrefix?: string
  readonly passagePrefix?: string
  readonly matryoshka?: readonly number[]
}

function embedding(facts: EmbeddingFacts): KnownModel {
  const { dimensions, pooling, queryPrefix = '', passagePrefix = '', matryoshka = [], ...known } = facts
  const { id, maxTokens, languages, licence } = known
  const profile: ModelProfile = {
    id,
    dimensions,
    maxTokens,
    queryPrefix,
    passagePrefix,
    pooling,
    normalised: true,
    languages,
    version: 1,
    matryoshka,
    licence,
    pricePerMillionTokens: 0,
  }
  return { ...known, task: 'embed', profile }
}

const reranker = (facts: Omit<KnownModel, 'task' | 'profile'>): KnownModel => ({ ...facts, task: 'rerank' })
const generator = (facts: Omit<KnownModel, 'task' | 'profile'>): KnownModel => ({ ...facts, task: 'generate' })

const ENGLISH = ['en']
const ANY: readonly string[] = []
const APACHE = 'Apache-2.0'
const BGE_QUERY = 'Represent this sentence for searching relevant passages: '
const INSTRUCTED_QUERY = 'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:'
const E5 = {
  pooling: 'mean',
  maxTokens: 512,
  queryPrefix: 'query: ',
  passagePrefix: 'passage: ',
  licence: 'MIT',
} as const
const QWEN3 = {
  pooling: 'last',
  maxTokens: 8_192,
  queryPrefix: INSTRUCTED_QUERY,
  languages: ANY,
  licence: APACHE,
} as const

const bgeEnglish = (size: 'small' | 'base' | 'large', dimensions: number, price: number): KnownModel =>
  embedding({
    id: `bge-${size}-en-v1.5`,
    names: [`@cf/baai/bge-${size}-en-v1.5`, `baai/bge-${size}-en-v1.5`, `text-embedding-bge-${size}-en-v1.5`],
    dimensions,
    maxTokens: 512,
    queryPrefix: BGE_QUERY,
    pooling: 'cls',
    languages: ENGLISH,
    licence: 'MIT',
    workersAiPrice: { input: price },
  })

const e5 = (size: 'small' | 'base' | 'large', dimensions: number): KnownModel[] => [
  embedding({
    ...E5,
    id: `e5-${size}-v2`,
    names: [`intfloat/e5-${size}-v2`, `text-embedding-e5-${size}-v2`],
    dimensions,
    languages: ENGLISH,
  }),
  embedding({
    ...E5,
    id: `multilingual-e5-${size}`,
    names: [`intfloat/multilingual-e5-${size}`, `text-embedding-multilingual-e5-${size}`],
    dimensions,
    languages: ANY,
  }),
]

const EMBEDDING_MODELS: readonly KnownModel[] = [
  embedding({
    id: 'bge-m3',
    names: ['@cf/baai/bge-m3', 'baai/bge-m3', 'bge-m3:latest', 'text-embedding-bge-m3'],
    dimensions: 1_024,
    maxTokens: 8_192,
    pooling: 'cls',
    languages: ANY,
    licence: 'MIT',
    workersAiPrice: { input: 0.0118 },
  }),
  bgeEnglish('small', 384, 0.02),
  bgeEnglish('base', 768, 0.067),
  bgeEnglish('large', 1_024, 0.204),
  embedding({
    ...QWEN3,
    id: 'qwen3-embedding-0.6b',
    names: ['@cf/qwen/qwen3-embedding-0.6b', 'qwen/qwen3-embedding-0.6b', 'qwen3-embedding:0.6b'],
    dimensions: 1_024,
    matryoshka: [32, 64, 128, 256, 512, 768],
    workersAiPrice: { input: 0.0118 },
  }),
  embedding({
    ...QWEN3,
    id: 'qwen3-embedding-4b',
    names: ['qwen/qwen3-embedding-4b', 'qwen3-embedding:4b'],
    dimensions: 2_560,
    matryoshka: [32, 64, 128, 256, 512, 768, 1_024, 2_048],
  }),
  embedding({
    ...QWEN3,
    id: 'qwen3-embedding-8b',
    names: ['qwen/qwen3-embedding-8b', 'qwen3-embedding:8b'],
    dimensions: 4_096,
    matryoshka: [32, 64, 128, 256, 512, 768, 1_024, 2_048],
  }),
  embedding({
    id: 'embeddinggemma-300m',
    names: ['@cf/google/embeddinggemma-300m', 'google/embeddinggemma-300m', 'embeddinggemma', 'embeddinggemma:300m'],
    dimensions: 768,
    maxTokens: 2_048,
    queryPrefix: 'task: search result | query: ',
    passagePrefix: 'title: none | text: ',
    pooling: 'mean',
    languages: ANY,
    licence: 'LicenseRef-Gemma',
    matryoshka: [128, 256, 512],
  }),
  embedding({
    id: 'plamo-embedding-1b',
    names: ['@cf/pfnet/plamo-embedding-1b', 'pfnet/plamo-embedding-1b'],
    dimensions: 2_048,
    maxTokens: 4_096,
    pooling: 'mean',
    languages: ['ja'],
    licence: APACHE,
    workersAiPrice: { input: 0.0186 },
  }),
  embedding({
    id: 'text-embedding-3-small',
    names: ['openai/text-embedding-3-small'],
    dimensions: 1_536,
    maxTokens: 8_191,
    pooling: 'none',
    languages: ANY,
    licence: 'proprietary',
    matryoshka: [256, 512, 768, 1_024],
    price: { input: 0.02 },
  }),
  embedding({
    id: 'text-embedding-3-large',
    names: ['openai/text-embedding-3-large'],
    dimensions: 3_072,
    maxTokens: 8_191,
    pooling: 'none',
    languages: ANY,
    licence: 'proprietary',
    matryoshka: [256, 512, 768, 1_024, 1_536, 2_048],
    price: { input: 0.13 },
  }),
  embedding({
    id: 'text-embedding-ada-002',
    names: ['openai/text-embedding-ada-002'],
    dimensions: 1_536,
    maxTokens: 8_191,
    pooling: 'none',
    languages: ANY,
    licence: 'proprietary',
    price: { input: 0.1 },
  }),
  embedding({
    id: 'mistral-embed',
    names: [],
    dimensions: 1_024,
    maxTokens: 8_192,
    pooling: 'none',
    languages: ANY,
    licence: 'proprietary',
    price: { input: 0.1 },
  }),
  embedding({
    id: 'gemini-embedding-001',
    names: ['models/gemini-embedding-001'],
    dimensions: 3_072,
    maxTokens: 2_048,
    pooling: 'none',
    languages: ANY,
    licence: 'proprietary',
    matryoshka: [768, 1_536],
    price: { input: 0.15 },
  }),
  // Shorter vectors of it need a layer normalisation first, which no provider does: its Matryoshka steps are left out.
  embedding({
    id: 'nomic-embed-text-v1.5',
    names: [
      'nomic-ai/nomic-embed-text-v1.5',
      'nomic-embed-text',
      'nomic-embed-text:latest',
      'nomic-embed-text:v1.5',
      'text-embedding-nomic-embed-text-v1.5',
    ],
    dimensions: 768,
    maxTokens: 8_192,
    queryPrefix: 'search_query: ',
    passagePrefix: 'search_document: ',
    pooling: 'mean',
    languages: ENGLISH,
    licence: APACHE,
  }),
  ...e5('small', 384),
  ...e5('base', 768),
  ...e5('large', 1_024),
  embedding({
    ...E5,
    id: 'multilingual-e5-large-instruct',
    names: ['intfloat/multilingual-e5-large-instruct', 'text-embedding-multilingual-e5-large-instruct'],
    dimensions: 1_024,
    queryPrefix: `${INSTRUCTED_QUERY} `,
    passagePrefix: '',
    languages: ANY,
  }),
  embedding({
    id: 'jina-embeddings-v3',
    names: ['jinaai/jina-embeddings-v3'],
    dimensions: 1_024,
    maxTokens: 8_192,
    pooling: 'mean',
    languages: ANY,
    licence: 'CC-BY-NC-4.0',
    matryoshka: [32, 64, 128, 256, 512, 768],
  }),
  embedding({
    id: 'mxbai-embed-large-v1',
    names: ['mixedbread-ai/mxbai-embed-large-v1', 'mxbai-embed-large', 'mxbai-embed-large:latest'],
    dimensions: 1_024,
    maxTokens: 512,
    queryPrefix: BGE_QUERY,
    pooling: 'cls',
    languages: ENGLISH,
    licence: APACHE,
    matryoshka: [512],
  }),
  embedding({
    id: 'snowflake-arctic-embed-l-v2.0',
    names: ['snowflake/snowflake-arctic-embed-l-v2.0', 'snowflake-arctic-embed2'],
    dimensions: 1_024,
    maxTokens: 8_192,
    queryPrefix: 'query: ',
    pooling: 'cls',
    languages: ANY,
    licence: APACHE,
    matryoshka: [256],
  }),
  embedding({
    id: 'all-MiniLM-L6-v2',
    names: ['sentence-transformers/all-minilm-l6-v2', 'all-minilm', 'all-minilm:l6-v2'],
    dimensions: 384,
    maxTokens: 256,
    pooling: 'mean',
    languages: ENGLISH,
    licence: APACHE,
  }),
]

const RERANKERS: readonly KnownModel[] = [
  reranker({
    id: 'bge-reranker-base',
    names: ['@cf/baai/bge-reranker-base', 'baai/bge-reranker-base'],
    maxTokens: 512,
    languages: ['en', 'zh'],
    licence: 'MIT',
    workersAiPrice: { input: 0.0031 },
  }),
  reranker({
    id: 'bge-reranker-large',
    names: ['baai/bge-reranker-large'],
    maxTokens: 512,
    languages: ['en', 'zh'],
    licence: 'MIT',
  }),
  reranker({
    id: 'bge-reranker-v2-m3',
    names: ['baai/bge-reranker-v2-m3'],
    maxTokens: 8_192,
    languages: ANY,
    licence: APACHE,
  }),
  reranker({
    id: 'ms-marco-MiniLM-L6-v2',
    names: ['cross-encoder/ms-marco-minilm-l6-v2', 'cross-encoder/ms-marco-minilm-l-6-v2'],
    maxTokens: 512,
    languages: ENGLISH,
    licence: APACHE,
  }),
  reranker({
    id: 'jina-reranker-v2-base-multilingual',
    names: ['jinaai/jina-reranker-v2-base-multilingual'],
    maxTokens: 1_024,
    languages: ANY,
    licence: 'CC-BY-NC-4.0',
  }),
]

const GENERATORS: readonly KnownModel[] = [
  generator({
    id: 'llama-3.2-1b-instruct',
    names: ['@cf/meta/llama-3.2-1b-instruct', 'meta-llama/llama-3.2-1b-instruct', 'llama3.2:1b'],
    maxTokens: 60_000,
    languages: ANY,
    licence: 'LicenseRef-Llama-3.2',
    workersAiPrice: { input: 0.027, output: 0.201 },
  }),
  generator({
    id: 'llama-3.1-8b-instruct',
    names: ['@cf/meta/llama-3.1-8b-instruct-fp8-fast', 'meta-llama/llama-3.1-8b-instruct', 'llama3.1:8b'],
    maxTokens: 32_000,
    languages: ANY,
    licence: 'LicenseRef-Llama-3.1',
    workersAiPrice: { input: 0.045, output: 0.384 },
  }),
  generator({
    id: 'llama-3.3-70b-instruct',
    names: ['@cf/meta/llama-3.3-70b-instruct-fp8-fast', 'meta-llama/llama-3.3-70b-instruct', 'llama3.3:70b'],
    maxTokens: 24_000,
    languages: ANY,
    licence: 'LicenseRef-Llama-3.3',
    workersAiPrice: { input: 0.293, output: 2.253 },
  }),
  generator({
    id: 'gpt-oss-20b',
    names: ['@cf/openai/gpt-oss-20b', 'openai/gpt-oss-20b', 'gpt-oss:20b'],
    maxTokens: 128_000,
    languages: ANY,
    licence: APACHE,
    workersAiPrice: { input: 0.2, output: 0.3 },
  }),
  generator({
    id: 'gpt-oss-120b',
    names: ['@cf/openai/gpt-oss-120b', 'openai/gpt-oss-120b', 'gpt-oss:120b'],
    maxTokens: 128_000,
    languages: ANY,
    licence: APACHE,
    workersAiPrice: { input: 0.35, output: 0.75 },
  }),
]

export const KNOWN_MODELS: readonly KnownModel[] = [...EMBEDDING_MODELS, ...RERANKERS, ...GENERATORS]

const BY_NAME = new Map(
  KNOWN_MODELS.flatMap((model) => [model.id.toLowerCase(), ...model.names].map((name) => [name, model])),
)

/** Finds a model by its own name or any provider's, in whatever case. */
export const findKnownModel = (name: string): KnownModel | undefined => BY_NAME.get(name.toLowerCase())
