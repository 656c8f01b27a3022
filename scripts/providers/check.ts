/** Asks one model what it is there for and judges the answer; what a table says of it. */
import { performance } from 'node:perf_hooks'
import { asProblem } from '../../src/core/problem.ts'
import type { ChatModel } from '../../src/models/chat-model.ts'
import type { Embedder } from '../../src/models/embedder.ts'
import type { EmbeddingModel, Model } from '../../src/models/model.ts'
import type { RemoteModels } from '../../src/models/remote-models.ts'
import type { Reranker } from '../../src/models/reranker.ts'
import type { Subject } from './subjects.ts'

export interface Finding {
  readonly provider: string
  readonly model: string
  readonly check: string
  readonly passes: boolean
  readonly ms: number
  readonly says: string
}

const CALLER = { tenantUid: 'check' }
const QUESTION = 'why did the boat go down'
const ANSWERS = ['The ferry sank in a storm in 1994.', 'An invoice lists what is owed and until when.']
/** Longer than any model here reads: it must be cut, not refused. */
const LONG_TEXT = 'The ferry sank in a storm. '.repeat(8_000)
/** Texts in more than one call of every provider. */
const MANY = 130

type Check = readonly [name: string, run: () => Promise<string>]

/** Runs all checks of a model, one after the other. A failure says its code and never anything of the provider's own. */
export async function findingsOf({ provider, name, model }: Subject, models: RemoteModels): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [check, run] of checksOf(model, models)) {
    const startMs = performance.now()
    const outcome = await run().then(
      (says) => ({ passes: true, says }),
      (error: unknown) => ({ passes: false, says: failureOf(error) }),
    )
    findings.push({ provider, model: name, check, ms: Math.round(performance.now() - startMs), ...outcome })
  }
  return findings
}

function failureOf(error: unknown): string {
  const problem = asProblem(error)
  if (problem !== undefined) return `${problem.code}: ${problem.message}`
  return error instanceof Failed ? error.message : 'internal: the check itself failed'
}

/** A check's own verdict. */
class Failed extends Error {}

function require(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Failed(message)
}

const isEmbedding = (model: Model | EmbeddingModel): model is EmbeddingModel => 'profile' in model

function checksOf(model: Model | EmbeddingModel, models: RemoteModels): readonly Check[] {
  if (isEmbedding(model)) return embeddingChecks(models.embedder(model, CALLER))
  return model.task === 'rerank'
    ? rerankChecks(models.reranker(model, CALLER))
    : chatChecks(models.chatModel(model, CALLER))
}

function cosine(one: Float32Array | undefined, other: Float32Array | undefined): number {
  require(one !== undefined && other !== undefined, 'a vector is missing')
  return one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0)
}

const embeddingChecks = (embedder: Embedder): Check[] => [
  [
    'means the same',
    async () => {
      const [question] = await embedder.embed([QUESTION], { kind: 'query' })
      const [right, wrong] = await embedder.embed(ANSWERS, { kind: 'passage' })
      const [near, far] = [cosine(question, right), cosine(question, wrong)]
      require(near > far, `the wrong passage is nearer: ${far.toFixed(3)} against ${near.toFixed(3)}`)
      return `${embedder.profile.dimensions} dimensions, cosine ${near.toFixed(3)} against ${far.toFixed(3)}`
    },
  ],
  [
    'many texts',
    async () => {
      const texts = Array.from({ length: MANY }, (_, i) => `Chapter ${i}. ${ANSWERS[i % 2] ?? ''}`)
      const vectors = await embedder.embed(texts, { kind: 'passage' })
      const [alone] = await embedder.embed([texts[MANY - 1] ?? ''], { kind: 'passage' })
      require(vectors.length === MANY, `${vectors.length} vectors for ${MANY} texts`)
      const same = cosine(vectors[MANY - 1], alone)
      require(same > 0.99, `the last of many is not what it is alone: cosine ${same.toFixed(3)}`)
      return `${MANY} texts`
    },
  ],
  [
    'long text',
    async () => {
      await embedder.embed([LONG_TEXT], { kind: 'passage' })
      return `${LONG_TEXT.length.toLocaleString('en')} characters are cut, not refused`
    },
  ],
]

const rerankChecks = (reranker: Reranker): Check[] => [
  [
    'knows what answers',
    async () => {
      const { scores, tokens } = await reranker.rerank(QUESTION, ANSWERS.toReversed())
      const [wrong = NaN, right = NaN] = scores
      require(right > wrong, `the wrong document is better: ${wrong.toFixed(3)} against ${right.toFixed(3)}`)
      return `${right.toFixed(3)} against ${wrong.toFixed(3)}, ${tokens} tokens`
    },
  ],
]

const chatChecks = (chat: ChatModel): Check[] => {
  const messages = [{ role: 'user', content: 'Say the word "ready" and nothing else.' }] as const
  const options = { maxTokens: 200, temperature: 0 }
  return [
    [
      'answers',
      async () => {
        const { text, finish, usage } = await chat.complete(messages, options)
        require(text.trim() !== '', 'the answer is empty')
        return `${usage.inputTokens} tokens in, ${usage.outputTokens} out, finish ${finish}`
      },
    ],
    [
      'streams',
      async () => {
        let pieces = 0
        let ends = 0
        for await (const event of chat.stream(messages, options)) {
          if (event.kind === 'text') pieces++
          else ends++
        }
        require(pieces > 0 && ends === 1, `${pieces} pieces and ${ends} ends`)
        return `${pieces} pieces`
      },
    ],
  ]
}
