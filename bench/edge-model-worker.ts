/** The Worker that bench/edge-model.ts measures: `POST /load` takes the model file, `GET /?tokens=&count=&build=` encodes. */
import plainModule from '../src/kernels/edge-plain.wasm'
import relaxedModule from '../src/kernels/edge-relaxed.wasm'
import { createEdgeModel, type EdgeModel } from '../src/models/edge/edge-model.ts'
import { textOfTokens } from './edge-model-texts.ts'

const models = new Map<string, EdgeModel>()

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    if (request.method === 'POST') {
      const file = await request.arrayBuffer()
      models.set('relaxed', createEdgeModel(file, relaxedModule))
      models.set('plain', createEdgeModel(file, plainModule))
      return new Response('loaded')
    }
    const model = models.get(url.searchParams.get('build') ?? '')
    if (model === undefined) return new Response('not loaded', { status: 400 })
    const text = textOfTokens(model.tokenizer, Number(url.searchParams.get('tokens')))
    for (let i = 0; i < Number(url.searchParams.get('count')); i++) await model.embed([text])
    return new Response('done')
  },
}
