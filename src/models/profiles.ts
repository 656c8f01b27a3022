/** The models that Nearfield knows by name, as profiles. */
import type { ModelProfile } from './embedder.ts'

/** all-MiniLM-L6-v2 (Wang et al. 2020; Reimers & Gurevych 2019) in int8, inside the Worker. English. */
export const EDGE_EN: ModelProfile = {
  id: 'edge-en',
  dimensions: 384,
  maxTokens: 256,
  queryPrefix: '',
  passagePrefix: '',
  pooling: 'mean',
  normalised: true,
  languages: ['en'],
  version: 1,
  matryoshka: [],
  licence: 'Apache-2.0',
  pricePerMillionTokens: 0,
}

/**
 * multilingual-e5-small (Wang et al. 2024, "Multilingual E5 Text Embeddings") in 4 bits, inside the Worker. The languages are
 * those that XLM-R, from which it comes, was trained on.
 */
export const EDGE_MULTILINGUAL: ModelProfile = {
  id: 'edge-multilingual',
  dimensions: 384,
  maxTokens: 512,
  queryPrefix: 'query: ',
  passagePrefix: 'passage: ',
  pooling: 'mean',
  normalised: true,
  languages: (
    'af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fil fr fy ga gd gl gu ha he hi hr hu hy id is it ja jv ka ' +
    'kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my nb ne nl nn no om or pa pl ps pt ro ru sa sd si sk sl so sq sr su sv sw ' +
    'ta te th tl tr ug uk ur uz vi xh yi zh'
  ).split(' '),
  version: 1,
  matryoshka: [],
  licence: 'MIT',
  pricePerMillionTokens: 0,
}

export const BRING_YOUR_OWN = 'bring-your-own'

/** No model reads the text of vectors that callers bring, so nothing cuts it: above any text that is accepted. */
const UNCUT_TOKENS = 10_000_000

/** Models inside the Worker. */
export const EDGE_PROFILES: readonly ModelProfile[] = [EDGE_EN, EDGE_MULTILINGUAL]

/** Finds a model by its id; `bring-your-own` is not among them, because it needs its dimensions. */
export function findProfile(id: string): ModelProfile | undefined {
  return EDGE_PROFILES.find((profile) => profile.id === id)
}

/** The profile of vectors that callers bring: kept as sent, of any language. */
export function bringYourOwnProfile(dimensions: number): ModelProfile {
  return {
    id: BRING_YOUR_OWN,
    dimensions,
    maxTokens: UNCUT_TOKENS,
    queryPrefix: '',
    passagePrefix: '',
    pooling: 'none',
    normalised: false,
    languages: [],
    version: 1,
    matryoshka: [],
    licence: 'unknown',
    pricePerMillionTokens: 0,
  }
}
