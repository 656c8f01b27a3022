/** Where the parts of `edge-multilingual` lie among the static assets; written by scripts/convert-edge-multilingual.py. */

export const EDGE_MULTILINGUAL_TOKENIZER = 'models/edge-multilingual/aedfadc0162347ff8eeeed93fefe00bc.bin'

export const EDGE_MULTILINGUAL_LAYERS: readonly string[] = [
  'models/edge-multilingual/c9148c6f9d79071f6940cc2d50594f56.bin',
  'models/edge-multilingual/6f8950f1b0e098ac2cfafb1476bf4b85.bin',
]

export const EDGE_MULTILINGUAL_WORDS: readonly string[] = [
  'models/edge-multilingual/f323029a9113d4cc7cc0bb0061497e74.bin',
  'models/edge-multilingual/f6c3207c7269f88335a6bef8a9c9a31c.bin',
  'models/edge-multilingual/513be48f9c6ec4655d503df082567396.bin',
  'models/edge-multilingual/d9d4ce8ee2344c55024e55c73f92c0f2.bin',
  'models/edge-multilingual/224a9e43d3f209279a05c83ae5609292.bin',
  'models/edge-multilingual/9cfdddb010b326f46f5630837d3daac4.bin',
  'models/edge-multilingual/2850d84d046d78c138df508b0526e645.bin',
  'models/edge-multilingual/d748ee75ac29205cb99bd7f56ba05453.bin',
  'models/edge-multilingual/fb93b7353951c841a0d43e9cadb375c4.bin',
  'models/edge-multilingual/68ad1bb8f8678b16f20592476dc4809f.bin',
  'models/edge-multilingual/e1b160099cdd46e045b00d622609a000.bin',
  'models/edge-multilingual/2d7487957f1b733395390b6232dc07e6.bin',
  'models/edge-multilingual/030b80a23c2f4cc90dcfa94a833950b2.bin',
  'models/edge-multilingual/36526ac066de23dedc6bdd0dee597d5b.bin',
  'models/edge-multilingual/7ef846351b50a08ac0425858c6d5297e.bin',
  'models/edge-multilingual/d91a26a3faa5922edd2040fa10fd4a11.bin',
  'models/edge-multilingual/3c4c7c5d69d8c7f258d1cec6a3958d0a.bin',
  'models/edge-multilingual/4b8517f292ded59dc1920305e58a964f.bin',
  'models/edge-multilingual/7820f6aaacf94e3ff93bd77cb8b8a1d2.bin',
  'models/edge-multilingual/a727c8f9a50c4506c98d7ac4de357a72.bin',
  'models/edge-multilingual/a79ee95f15de2c7b61a82666b3d75156.bin',
  'models/edge-multilingual/f1905cf3b43466fee5c497228d448105.bin',
  'models/edge-multilingual/e5f80a41fa2fe03b6f1d60affe2f7e96.bin',
  'models/edge-multilingual/1716240e4e52d51df00532227e2ad773.bin',
  'models/edge-multilingual/d855b03b7948e43048253a5470b32fdb.bin',
]
