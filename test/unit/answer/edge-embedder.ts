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
  embed: (texts) =>
    Promise.resolve(
      texts.map((text) => {
        const vector = known.get(text) ?? model.embed(text)
        known.set(text, vector)
        return vector
      }),
    ),
}

export const countEdgeTokens = (text: string): number => model.tokenizer.count(text)
