/**
 * How `edge-multilingual` is loaded: the tokenizer's file stays as it is, layers are expanded from 4 bits into the kernel file
 * by file, words are read when texts need them.
 */
import { EncoderKernel } from '../../kernels/encoder-kernel.ts'
import { EdgeModel, type EdgeModelParts, type EdgeModelRecipe } from './edge-model.ts'
import {
  EDGE_MULTILINGUAL_LAYERS,
  EDGE_MULTILINGUAL_TOKENIZER,
  EDGE_MULTILINGUAL_WORDS,
} from './edge-multilingual-asset.ts'
import { embeddingBytes, expandLayers } from './four-bit-layers.ts'
import { readModelFile } from './model-file.ts'
import { PartedWords } from './parted-word-rows.ts'
import { Unigram } from './unigram.ts'

export const EDGE_MULTILINGUAL_RESIDENT_KEY = 'model/edge-multilingual'

const LAYERS = 12
const MAX_TOKENS = 512
const WORDS_PER_FILE = 10_001

async function load(parts: EdgeModelParts): Promise<EdgeModel> {
  const { readAsset, module } = parts
  const [kernel, file] = await Promise.all([readKernel(module, readAsset), readAsset(EDGE_MULTILINGUAL_TOKENIZER)])
  const tokenizerFile = readModelFile(file)
  const words = new PartedWords(
    parts,
    `${EDGE_MULTILINGUAL_RESIDENT_KEY}/words`,
    EDGE_MULTILINGUAL_WORDS,
    WORDS_PER_FILE,
    tokenizerFile.shape.vocabulary,
  )
  const centre = new Float32Array(tokenizerFile.section('centre').slice().buffer)
  return new EdgeModel(new Unigram(tokenizerFile), words, kernel, centre)
}

async function readKernel(module: WebAssembly.Module, readAsset: EdgeModelParts['readAsset']): Promise<EncoderKernel> {
  const kernel = new EncoderKernel(module, { layerCount: LAYERS, maxTokens: MAX_TOKENS })
  const layersPerFile = LAYERS / EDGE_MULTILINGUAL_LAYERS.length
  let at = 0
  for (const [index, path] of EDGE_MULTILINGUAL_LAYERS.entries()) {
    const source = new Uint8Array(await readAsset(path))
    at = expandLayers(source, layersPerFile, kernel.weights, at, index === 0 ? embeddingBytes(MAX_TOKENS) : 0)
  }
  return kernel
}

/** multilingual-e5-small in 4 bits. */
export const EDGE_MULTILINGUAL_RECIPE: EdgeModelRecipe = {
  residentKey: EDGE_MULTILINGUAL_RESIDENT_KEY,
  // Kernel, tokenizer and the larger file of layers.
  loadingBytes: 42_000_000,
  load,
}
