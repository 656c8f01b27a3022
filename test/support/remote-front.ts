/**
 * A Worker of tests: remote models in the real runtime, whose requests leave through the egress Worker. Each request embeds
 * the texts of its body; all share what the isolate knows of its endpoints.
 */
import { asProblem } from '../../src/core/problem.ts'
import { egressModelFetch } from '../../src/models/model-fetch.ts'
import { createRemoteModels, type RemoteModels } from '../../src/models/remote-models.ts'
import { CALLER, openAiSource, PLAYED_PROFILE } from './remote-models-fixture.ts'

interface Env {
  readonly EGRESS: { fetch(request: Request): Promise<Response> }
}

interface Asked {
  readonly texts: string[]
  readonly url: string
  readonly stream?: true
  readonly patienceMs?: number
}

let remote: RemoteModels | undefined
/** Of the request that came last. */
let patienceMs = Infinity

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    remote ??= createRemoteModels({
      call: egressModelFetch(env.EGRESS),
      openApiKey: async (sealed) => sealed,
      timeLimit: (delayMs) => AbortSignal.timeout(Math.min(delayMs, patienceMs)),
    })
    const asked = await request.json<Asked>()
    const { texts, url, stream } = asked
    patienceMs = asked.patienceMs ?? Infinity
    const source = openAiSource(url, { apiKey: 'key' })
    try {
      if (stream === true) {
        const words: string[] = []
        const chat = remote.chatModel({ uid: 'mdl_2', task: 'generate', source }, CALLER)
        for await (const event of chat.stream([{ role: 'user', content: texts.join() }])) {
          if (event.kind === 'text') words.push(event.text)
        }
        return Response.json({ words })
      }
      const model = { uid: 'mdl_1', task: 'embed', source, profile: PLAYED_PROFILE } as const
      const vectors = await remote.embedder(model, CALLER).embed(texts, { kind: 'query' })
      return Response.json({ vectors: vectors.map((vector) => [...vector]) })
    } catch (error) {
      const problem = asProblem(error)
      return Response.json({ code: problem?.code ?? String(error), retryAfter: problem?.retryAfterSeconds })
    }
  },
}
