/** `POST /v1/embeddings`. */
import { base64 } from '../../core/bytes.ts'
import { MAX_EMBEDDED_NUMBERS, MAX_EMBEDDED_TEXTS } from '../../core/limits.ts'
import { invalidField } from '../../core/problem.ts'
import { serveVectors } from '../../models/serving.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { defineRoute } from '../route.ts'
import { embeddingsResultSchema, embeddingsSchema } from '../schemas/serving.ts'

/** Little-endian, as every machine that runs this has it. */
const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** An answer in numbers is held several times over while it is written. @throws invalid_request */
function checkNumbers(texts: number, dimensions: number): void {
  if (texts * dimensions <= MAX_EMBEDDED_NUMBERS) return
  const most = Math.floor(MAX_EMBEDDED_NUMBERS / dimensions)
  throw invalidField(
    '/input',
    `has at most ${most} texts for ${dimensions} dimensions unless encoding_format is base64`,
  )
}

export const createEmbeddings = defineRoute({
  method: 'post',
  path: '/v1/embeddings',
  operationId: 'createEmbeddings',
  tag: 'models',
  summary: 'Embed texts',
  isRead: true,
  callsModels: true,
  saysMessage: true,
  description: `In the shape of OpenAI's embeddings, whose clients work with \`/v1\` as their base URL. At most ${MAX_EMBEDDED_TEXTS} texts.`,
  access: { kind: 'key', anyOf: ['search'], secretOnly: true },
  body: {
    schema: embeddingsSchema,
    example: { model: 'edge-en', input: ['The ferry carries 120 passengers.', 'The heron nests by the weir.'] },
  },
  responses: { 200: { description: 'A vector for each text, in order.', schema: embeddingsResultSchema } },
  async handle({ body, charge, principal }, { modelNames, models }) {
    const { uid: tenantUid } = requireTenant(principal)
    const { model: name, input, dimensions, encoding_format: format, input_type: type = 'passage' } = body
    const model = await modelNames.find(tenantUid, name, 'embed', '/model')
    const texts = typeof input === 'string' ? [input] : input
    if (format !== 'base64') checkNumbers(texts.length, dimensions ?? model.profile.dimensions)
    const kind = type === 'query' || type === 'search_query' ? 'query' : 'passage'
    const { vectors, tokens } = await charge.spend((meter) =>
      serveVectors(models, model, { tenantUid }, texts, { kind, dimensions, meter }),
    )
    return {
      status: 200,
      body: {
        object: 'list',
        data: vectors.map((vector, index) => ({
          object: 'embedding',
          index,
          embedding: format === 'base64' ? base64(bytesOf(vector)) : [...vector],
        })),
        model: name,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      },
    }
  },
})
