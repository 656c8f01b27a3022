/**
 * The Worker that bench/models.ts measures: `/load?model=` answers with the bytes held, `/?model=&tokens=&count=` embeds one
 * text so often, `/batch?model=&tokens=&count=` embeds that many texts in one call. Assets come from the binding ASSETS.
 */
import plainModule from '../src/kernels/edge-plain.wasm'
import relaxedModule from '../src/kernels/edge-relaxed.wasm'
import { ResidentMemory } from '../src/core/resident-memory.ts'
import { EDGE_EN_RECIPE, EdgeModelLoader } from '../src/models/edge/edge-model.ts'
import { EDGE_MULTILINGUAL_RECIPE } from '../src/models/edge/edge-multilingual.ts'
import { textOfTokens } from './models-texts.ts'

const memory = new ResidentMemory(96_000_000)
const recipes = { 'edge-en': EDGE_EN_RECIPE, 'edge-multilingual': EDGE_MULTILINGUAL_RECIPE }
const loaders = new Map<string, EdgeModelLoader>()

function loaderOf(name: string, env: { readonly ASSETS: Fetcher }): EdgeModelLoader {
  const known = loaders.get(name)
  if (known !== undefined) return known
  const readAsset = async (path: string): Promise<ArrayBuffer> => {
    const response = await env.ASSETS.fetch(`http://assets/${path}`)
    if (!response.ok) throw new Error(`${path} is not among the assets`)
    return response.arrayBuffer()
  }
  const recipe = recipes[name as keyof typeof recipes]
  const loader = new EdgeModelLoader({ readAsset, relaxedModule, plainModule, memory }, recipe)
  loaders.set(name, loader)
  return loader
}

export default {
  async fetch(request: Request, env: { readonly ASSETS: Fetcher }): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    const model = await loaderOf(searchParams.get('model') ?? '', env).get()
    if (pathname === '/load') return new Response(String(memory.heldBytes))
    const text = textOfTokens(model.tokenizer, Number(searchParams.get('tokens')))
    const count = Number(searchParams.get('count'))
    if (pathname === '/batch') await model.embed(Array.from({ length: count }, () => text))
    else for (let i = 0; i < count; i++) await model.embed([text])
    return new Response(String(memory.heldBytes))
  },
}
