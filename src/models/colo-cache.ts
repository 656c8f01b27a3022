/** The platform's cache of a data centre as a `SharedCache`. Its entries are bytes under a digest and end by themselves. */
import { QUERY_CACHE_TTL_SECONDS } from '../core/limits.ts'
import type { SharedCache } from './query-cache.ts'

/** What it needs of `caches.default`. */
export interface PlatformCache {
  match(url: string): Promise<Response | undefined>
  put(url: string, response: Response): Promise<void>
}

/** A host that does not exist, so that no request from outside can name an entry. */
const ORIGIN = 'https://query-vectors.invalid'

const urlOf = (key: string): string => `${ORIGIN}/${key}`

export function coloCache(cache: PlatformCache): SharedCache {
  return {
    async get(key) {
      const response = await cache.match(urlOf(key))
      return response && new Uint8Array(await response.arrayBuffer())
    },
    async put(key, value) {
      const headers = {
        'cache-control': `max-age=${QUERY_CACHE_TTL_SECONDS}`,
        'content-type': 'application/octet-stream',
      }
      await cache.put(urlOf(key), new Response(value, { headers }))
    },
  }
}
