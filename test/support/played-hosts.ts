/** Requests to the real hosts of providers, sent to the played one instead: their paths stay what they are. */
import { directModelFetch } from '../../src/models/model-fetch.ts'
import type { ModelFetch } from '../../src/models/providers/provider-adapter.ts'

const FOLDERS: Readonly<Record<string, string>> = {
  'api.cloudflare.com': '',
  'router.huggingface.co': '/router',
  'huggingface.co': '/hub',
}

/** @param seen every URL as it was meant */
export const playedHosts =
  (playedUrl: string, seen: string[] = []): ModelFetch =>
  (request) => {
    seen.push(request.url)
    const { host, pathname, search } = new URL(request.url)
    const folder = FOLDERS[host]
    const url = folder === undefined ? request.url : `${playedUrl}${folder}${pathname}${search}`
    return directModelFetch(fetch)({ ...request, url })
  }
