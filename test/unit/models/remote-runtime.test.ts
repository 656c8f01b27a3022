/**
 * Remote models in the real runtime: through the egress Worker, whose public network is played by a relay to a provider on
 * loopback. What a request leaves behind must not disturb the next one, which the runtime allows no shared promise with.
 */
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Miniflare } from 'miniflare'
import type { WorkerOptions } from 'miniflare'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bundleText, egressBundle } from '../../../scripts/build.ts'
import { egressOptions } from '../../../scripts/start/bindings.ts'
import { openAiRoutes } from '../../support/played-provider-openai.ts'
import { PlayedProvider } from '../../support/played-provider.ts'

const ROOT = join(import.meta.dirname, '../../..')
const URL_OF_MODEL = 'https://models.example'

const played = await PlayedProvider.start({ routes: [openAiRoutes()], apiKey: 'key' })

/** The public network: whatever is called is the provider. */
const RELAY = `export default { async fetch(request) {
  const { pathname } = new URL(request.url)
  return fetch('${played.url}' + pathname, new Request(request, { redirect: 'manual' }))
} }`

let miniflare: Miniflare
/** Over a connection of its own, so that leaving closes it. */
let front: URL

beforeAll(async () => {
  const { rootPath: _, scriptPath: _path, ...egress } = egressOptions(ROOT)
  const { compatibilityDate = '', compatibilityFlags = [], name = '' } = egress
  const drain = (stream: Readable): unknown => stream.resume()
  miniflare = new Miniflare({
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => [stdout, stderr].forEach(drain),
    workers: [
      {
        name: 'front',
        modules: true,
        compatibilityDate,
        script: await bundleText(ROOT, 'test/support/remote-front.ts'),
        serviceBindings: { EGRESS: { name, entrypoint: 'Egress' } },
      },
      { ...egress, compatibilityFlags, script: await egressBundle(ROOT), outboundService: 'relay' },
      { name: 'relay', modules: true, compatibilityDate, script: RELAY },
    ] as WorkerOptions[],
  } as ConstructorParameters<typeof Miniflare>[0])
  front = await miniflare.ready
})

beforeEach(() => played.reset())

afterAll(async () => {
  await miniflare.dispose()
  await played.stop()
})

interface Told {
  readonly vectors?: number[][]
  readonly words?: string[]
  readonly code?: string
  readonly retryAfter?: number
}

async function ask(
  texts: readonly string[],
  more: { url?: string; stream?: true; patienceMs?: number } = {},
): Promise<Told> {
  const body = JSON.stringify({ texts, url: URL_OF_MODEL, ...more })
  const response = await fetch(front, { method: 'POST', body })
  return response.json<Told>()
}

describe('remote models in the runtime', () => {
  it('embed through the egress Worker, which adds nothing to their requests', async () => {
    const { vectors } = await ask(['a ship', 'a bill'])
    expect(vectors?.map((vector) => Math.hypot(...vector).toFixed(4))).toEqual(['1.0000', '1.0000'])
    const { headers } = played.requests[0]!
    expect(headers).toMatchObject({ authorization: 'Bearer key', 'content-type': 'application/json' })
    expect(Object.keys(headers).filter((name) => /cookie|forwarded|real-ip|cf-(?!ew|worker)/.test(name))).toEqual([])
  })

  it('stream word by word', async () => {
    expect((await ask(['how are you'], { stream: true })).words).toEqual(['You ', 'asked: ', 'how ', 'are ', 'you'])
  })

  it('take the same faults for the same problems', async () => {
    for (const [fault, code] of [
      [{ fault: 'redirect', location: 'https://elsewhere.example/' }, 'upstream_refused'],
      [{ fault: 'status', status: 401 }, 'upstream_refused'],
      [{ fault: 'dimensions', dimensions: 3 }, 'upstream_failed'],
    ] as const) {
      played.always(fault)
      expect(await ask(['a'])).toEqual({ code })
      played.always({ fault: 'none' })
      expect(await ask(['a'])).toHaveProperty('vectors')
    }
    played.script({ fault: 'cut' })
    expect(await ask(['a'])).toHaveProperty('vectors')
    played.script({ fault: 'reset' })
    expect(await ask(['a'])).toHaveProperty('vectors')
    expect(await ask(['a'], { url: 'https://127.0.0.1:8443' })).toEqual({ code: 'upstream_refused' })
  })

  it('leave a silent provider when the time is over, and serve the next caller', async () => {
    for (const fault of ['silence', 'drip'] as const) {
      played.reset()
      played.always({ fault })
      expect(await ask(['a'], { patienceMs: 100 })).toEqual({ code: 'upstream_timeout' })
      await played.until(() => played.abandoned === played.requests.length)
      played.always({ fault: 'none' })
      expect(await ask(['a ship'])).toHaveProperty('vectors')
    }
  })

  it('serve many callers at once, of whom many go in the middle', async () => {
    const texts = Array.from({ length: 40 }, (_, index) => `text ${index}`)
    const outcomes = await Promise.all(
      texts.map(async (text, index) => {
        const leaving = new AbortController()
        const body = JSON.stringify({ texts: [text], url: URL_OF_MODEL })
        const answer = miniflare
          .dispatchFetch('http://front/', { method: 'POST', body, signal: leaving.signal })
          .then(async (response) => (await response.json()) as Told)
        if (index % 2 === 0) void played.until(() => played.requests.length > index / 2).then(() => leaving.abort())
        return answer.catch(() => undefined)
      }),
    )
    const kept = outcomes.filter((_, index) => index % 2 === 1)
    expect(kept.every((told) => told?.vectors?.length === 1)).toBe(true)
    expect(await ask(['a ship'])).toHaveProperty('vectors')
  })
})
