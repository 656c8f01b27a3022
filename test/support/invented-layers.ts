/** Weights of an encoder that nobody trained, in the layout of docs/model-format.md: for sizes that no shipped model has. */

/** The section `layers` for `layerCount` layers and `maxTokens` positions; plausible in size, so that activations stay tame. */
export function inventedLayers(
  random: () => number,
  { layerCount, maxTokens }: { readonly layerCount: number; readonly maxTokens: number },
): Uint8Array {
  const parts: Uint8Array[] = []
  const floats = (count: number, make: () => number): void => {
    parts.push(new Uint8Array(Float32Array.from({ length: count }, make).buffer))
  }
  const around = (centre: number, spread: number) => () => centre + (random() - 0.5) * spread
  const norm = (): void => {
    floats(384, around(1, 0.4))
    floats(384, around(0, 0.2))
  }
  const linear = (inputs: number, channels: number): void => {
    const codes = Int8Array.from({ length: inputs * channels }, () => Math.round((random() + random() - 1) * 63))
    const scales = Float32Array.from({ length: channels }, around(0.002, 0.001))
    const sums = new Float32Array(channels)
    for (const [i, code] of codes.entries()) {
      const channel = Math.floor(i / (16 * inputs)) * 16 + (Math.floor(i / 16) & 3) * 4 + ((i >> 2) & 3)
      sums[channel]! += code * scales[channel]!
    }
    parts.push(new Uint8Array(codes.buffer), new Uint8Array(scales.buffer), new Uint8Array(sums.buffer))
    floats(channels, around(0, 0.1))
  }
  floats(maxTokens * 384, around(0, 0.5))
  norm()
  for (let layer = 0; layer < layerCount; layer++) {
    linear(384, 1_152)
    linear(384, 384)
    norm()
    linear(384, 1_536)
    linear(1_536, 384)
    norm()
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}
