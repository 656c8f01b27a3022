/** Embeddings and rerankings on the wire. Their shapes are those of OpenAI, Cohere and Jina, snake case included. */
import { z } from '@hono/zod-openapi'
import { utf8Length } from '../../core/bytes.ts'
import {
  MAX_DIMENSIONS,
  MAX_EMBEDDED_TEXTS,
  MAX_PROVIDER_NAME_LENGTH,
  MAX_QUERY_BYTES,
  MAX_RERANKED_DOCUMENTS,
} from '../../core/limits.ts'

const model = (what: string) =>
  z
    .string()
    .min(1)
    .max(MAX_PROVIDER_NAME_LENGTH)
    .openapi({ description: `The id of a model that ${what}.` })

const text = z.string().min(1)

export const embeddingsSchema = z
  .strictObject({
    model: model('embeds').openapi({ example: 'edge-en' }),
    input: z
      .union([text, z.array(text).min(1).max(MAX_EMBEDDED_TEXTS)])
      .openapi({ description: 'Text, not token ids. What is longer than the model reads is cut.' }),
    encoding_format: z.enum(['float', 'base64']).optional().openapi({
      default: 'float',
      description: '`base64`: the bytes of little-endian float32.',
    }),
    dimensions: z.number().int().min(1).max(MAX_DIMENSIONS).optional().openapi({
      description: 'A Matryoshka step of the model.',
    }),
    input_type: z.enum(['query', 'passage', 'search_query', 'search_document']).optional().openapi({
      default: 'passage',
      description: 'Which of its prefixes the model is given; those with `search_` mean the same.',
    }),
    user: z.string().optional().openapi({ description: 'Accepted, and not looked at.' }),
  })
  .openapi('Embeddings')

export const embeddingsResultSchema = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        object: z.literal('embedding'),
        index: z.number().int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    model: z.string(),
    usage: z
      .object({ prompt_tokens: z.number().int(), total_tokens: z.number().int() })
      .openapi({ description: 'An estimate where the model does not run in the Worker.' }),
  })
  .openapi('EmbeddingsResult')

export const rerankSchema = z
  .strictObject({
    model: model('reranks').openapi({ example: '@cf/baai/bge-reranker-base' }),
    query: text
      .refine((query) => utf8Length(query) <= MAX_QUERY_BYTES, `must be at most ${MAX_QUERY_BYTES} bytes`)
      .openapi({ description: `At most ${MAX_QUERY_BYTES} bytes.` }),
    documents: z
      .array(z.union([text, z.strictObject({ text })]))
      .min(1)
      .max(MAX_RERANKED_DOCUMENTS),
    top_n: z.number().int().min(1).optional().openapi({ description: 'How many results at most; all by default.' }),
    return_documents: z.boolean().optional().openapi({ default: false }),
  })
  .openapi('Rerank')

export const rerankResultSchema = z
  .object({
    id: z.string(),
    model: z.string(),
    results: z
      .array(
        z.object({
          index: z.number().int().openapi({ description: "The document's place in the request." }),
          relevance_score: z.number().openapi({ description: 'Calibrated, from 0 to 1.' }),
          document: z.object({ text: z.string() }).optional(),
        }),
      )
      .openapi({ description: 'Best first.' }),
    usage: z.object({ total_tokens: z.number().int() }),
  })
  .openapi('RerankResult')
