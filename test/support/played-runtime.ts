/** Both Workers as built, on files, in a runtime of this process, for tests that play the public network. */
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Miniflare, Response as PlayedResponse } from 'miniflare'
import type { MiniflareOptions, Request as SentRequest } from 'miniflare'
import { egressOptions, workerOptions } from '../../scripts/start/bindings.ts'
import { keyHash } from '../../scripts/start/secrets.ts'
import { ROOT } from './local-server.ts'

/** What answers requests that the egress Worker sends. */
export type PublicNetwork = (request: SentRequest) => Promise<PlayedResponse>

/** @param folder keeps what is stored; another runtime on it goes on from there */
export async function startPlayedRuntime(
  folder: string,
  rootKey: string,
  publicNetwork: PublicNetwork,
): Promise<Miniflare> {
  const secrets = {
    NEARFIELD_ROOT_KEY_HASH: keyHash(rootKey),
    NEARFIELD_SEALING_KEY: 'ab'.repeat(32),
    NEARFIELD_EMBEDDER_OBJECTS: '1',
  }
  const miniflare = new Miniflare({
    d1Persist: join(folder, 'd1'),
    durableObjectsPersist: join(folder, 'objects'),
    r2Persist: join(folder, 'r2'),
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => [stdout.resume(), stderr.resume()],
    workers: [workerOptions(ROOT, secrets), { ...egressOptions(ROOT), outboundService: publicNetwork }],
  } as MiniflareOptions)
  await miniflare.ready
  return miniflare
}

/** An answer of a server on this machine, as if the public network had given it. */
export const playedResponse = (answer: Response): PlayedResponse =>
  new PlayedResponse(answer.body as never, {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
  })
