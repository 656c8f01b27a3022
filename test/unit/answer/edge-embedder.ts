/** The shipped model, run in Node, as the embedder of these tests. */
import { createEdgeModel } from '../../../src/models/edge/edge-model.ts'
import type { Embedder } from '../../../src/models/embedder.ts'
import { EDGE_EN } from '../../../src/models/profiles.ts'
import { edgeKernelModule, readEdgeModelFile } from '../../support/edge-model.ts'

const model = createEdgeModel(await readEdgeModelFile(), edgeKernelModule('relaxed'))
const known = new Map<string, Float32Array>()

/** Remembers what it embedded: questions of one set share most of their candidates. */
export const edgeEmbedder: Embedder = {
  profile: EDGE_EN,
  async embed(texts) {
    const unknown = texts.filter((text) => !known.has(text))
    for (const [i, vector] of (await model.embed(unknown)).entries()) known.set(unknown[i]!, vector)
    return texts.map((text) => known.get(text)!)
  },
}

export const countEdgeTokens = (text: string): number => model.tokenizer.count(text)
