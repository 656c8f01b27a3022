/** What every `Embedder` must do, whichever model stands behind it. */
import { describe, expect, it } from 'vitest'
import type { Embedder, EmbeddingKind } from '../../src/models/embedder.ts'

const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

/** Runs the suite on the embedder that `create` gives, for each kind of text that it embeds. */
export function embedderContract(name: string, kinds: readonly EmbeddingKind[], create: () => Promise<Embedder>): void {
  describe.each(kinds)(`${name}, as a %s`, (kind) => {
    it('gives one unit vector of the profile’s length for each text, in order', async () => {
      const embedder = await create()
      const texts = ['A red boat.', 'Tax law of 1987', 'ein Satz auf Deutsch', '東京', '…', 'A red boat.']
      const vectors = await embedder.embed(texts, { kind })
      expect(vectors).toHaveLength(texts.length)
      for (const vector of vectors) {
        expect(vector).toBeInstanceOf(Float32Array)
        expect(vector).toHaveLength(embedder.profile.dimensions)
        expect(Math.hypot(...vector)).toBeCloseTo(1, 4)
      }
      expect(vectors[5]).toEqual(vectors[0])
      expect(cosine(vectors[0]!, vectors[1]!)).toBeLessThan(0.9)
    })

    it('gives the same vector whatever stands beside a text', async () => {
      const embedder = await create()
      const [alone] = await embedder.embed(['the ferry leaves at noon'], { kind })
      const many = await embedder.embed(['x'.repeat(3_000), 'the ferry leaves at noon', 'y'], { kind })
      expect(many[1]).toEqual(alone)
    })

    it('puts near meanings near and far ones far', async () => {
      const embedder = await create()
      const [boat, ship, tax] = await embedder.embed(
        ['The boat sank in the storm.', 'A ship went down in bad weather.', 'The invoice is due in thirty days.'],
        { kind },
      )
      expect(cosine(boat!, ship!)).toBeGreaterThan(cosine(boat!, tax!) + 0.2)
    })

    it('cuts long texts instead of refusing them', async () => {
      const embedder = await create()
      const long = 'every word of this sentence counts. '.repeat(400)
      const [whole, longer] = await embedder.embed([long, `${long} more`], { kind })
      expect(longer).toEqual(whole)
    })

    it('embeds nothing for nothing, and an empty text as something', async () => {
      const embedder = await create()
      expect(await embedder.embed([], { kind })).toEqual([])
      const [empty] = await embedder.embed([''], { kind })
      expect(Math.hypot(...empty!)).toBeCloseTo(1, 4)
    })

    it('hands out vectors that later calls do not change', async () => {
      const embedder = await create()
      const [first] = await embedder.embed(['one'], { kind })
      const copy = first!.slice()
      await embedder.embed(['two', 'three'], { kind })
      expect(first).toEqual(copy)
    })

    it('keeps simultaneous calls apart', async () => {
      const embedder = await create()
      const texts = ['north', 'south', 'east', 'west']
      const together = await Promise.all(texts.map((text) => embedder.embed([text], { kind })))
      for (const [i, text] of texts.entries()) {
        expect(together[i]).toEqual(await embedder.embed([text], { kind }))
      }
    })
  })
}
