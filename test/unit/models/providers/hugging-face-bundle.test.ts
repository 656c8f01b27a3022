import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { bundleText } from '../../../../scripts/build.ts'
import type { huggingFaceAdapter } from '../../../../src/models/providers/hugging-face.ts'
import { playedVector } from '../../../support/played-embedding.ts'
import { playedHosts } from '../../../support/played-hosts.ts'
import { huggingFaceRoutes } from '../../../support/played-provider-hugging-face.ts'
import { PlayedProvider } from '../../../support/played-provider.ts'

const ROOT = join(import.meta.dirname, '../../../..')
/** The library's model cards, snippets and templates alone are 100 KB. */
const MAX_GZIP_BYTES = 45_000

test('as the Worker bundles it, the library is small and works', async () => {
  const text = await bundleText(ROOT, 'src/models/providers/hugging-face.ts')
  expect(gzipSync(text).length).toBeLessThan(MAX_GZIP_BYTES)
  const folder = mkdtempSync(join(tmpdir(), 'nearfield-bundle-'))
  const played = await PlayedProvider.start({ routes: [huggingFaceRoutes()] })
  try {
    const file = join(folder, 'bundle.mjs')
    writeFileSync(file, text)
    const module = (await import(pathToFileURL(file).href)) as { huggingFaceAdapter: typeof huggingFaceAdapter }
    const signal = new AbortController().signal
    for (const source of [
      { endpointUrl: played.url },
      { model: 'BAAI/bge-m3', inferenceProvider: 'scaleway' },
      { model: 'BAAI/bge-m3', inferenceProvider: 'together' },
    ]) {
      const context = { call: playedHosts(played.url), apiKey: 'hf_played' }
      const adapter = module.huggingFaceAdapter({ provider: 'huggingface', ...source }, context)
      const { vectors } = (await adapter.embed?.(['a ship'], 'query', signal)) ?? {}
      expect(vectors).toStrictEqual([playedVector('a ship', 64)])
      if (source.endpointUrl === undefined) continue
      const answer = await adapter.complete?.([{ role: 'user', content: 'hi' }], {}, signal)
      expect(answer?.text).toBe('You asked: hi')
    }
  } finally {
    await played.stop()
    rmSync(folder, { recursive: true })
  }
})
