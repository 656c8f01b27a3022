/** Sends the adversary's requests over HTTP with Node's own client, which repairs nothing: raw paths, pieces, broken connections. */
import { Agent, request as httpRequest } from 'node:http'
import type { Send, WireAnswer, WireRequest } from './wire.ts'

export interface HttpWire {
  readonly send: Send
  /** Sends and breaks the connection after so many milliseconds; `undefined` where that came before the answer. */
  readonly abort: (request: WireRequest, afterMs: number) => Promise<WireAnswer | undefined>
  /** Every credential that was ever sent, for looking for them in logs. */
  readonly credentials: ReadonlySet<string>
  readonly close: () => void
}

const PATIENCE_MS = 120_000

/** Node refuses to send other characters in a path; everything else leaves as it is. */
const sendable = (path: string): string =>
  path.replaceAll(/[^\u0021-\u007e]/gu, (character) => encodeURIComponent(character.toWellFormed()))

export function httpWire(url: string): HttpWire {
  const { hostname, port } = new URL(url)
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const credentials = new Set<string>()

  const exchange = (wire: WireRequest, abortMs?: number, isRepeated = false): Promise<WireAnswer | undefined> => {
    const { method, path, headers, body, isChunked = false } = wire
    const [, credential] = (headers['authorization'] ?? '').split(' ')
    if (credential !== undefined && credential.length > 40) credentials.add(credential)
    return new Promise((resolve, reject) => {
      const length = body === undefined || isChunked ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      const sent = httpRequest({
        hostname,
        port,
        agent: isRepeated ? false : agent,
        method,
        path: sendable(path),
        headers: { ...headers, ...length },
        timeout: PATIENCE_MS,
      })
      let isOver = false
      const end = (answer?: WireAnswer): void => {
        isOver = true
        resolve(answer)
      }
      sent.on('response', (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', (error) => (abortMs === undefined ? reject(error) : end()))
        response.on('end', () => {
          const named = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
          end({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(named) as Record<string, string>,
            text: Buffer.concat(parts).toString('utf8'),
          })
        })
      })
      sent.on('error', (error) => {
        if (abortMs !== undefined) end()
        // The server may close an idle connection just as it is used again; then it has seen nothing of the request.
        else if (sent.reusedSocket && !isRepeated) exchange(wire, undefined, true).then(resolve, reject)
        else reject(new Error(`${method} ${path}: ${error.message}`))
      })
      sent.on('timeout', () => sent.destroy(new Error('no answer')))
      if (abortMs !== undefined) {
        setTimeout(() => {
          if (!isOver) sent.destroy()
          end()
        }, abortMs)
      }
      if (body === undefined) sent.end()
      else if (isChunked) {
        const bytes = Buffer.from(body)
        for (let at = 0; at < bytes.length; at += 7_001) sent.write(bytes.subarray(at, at + 7_001))
        sent.end()
      } else sent.end(body)
    })
  }
  return {
    async send(wire) {
      const answer = await exchange(wire)
      if (answer === undefined) throw new Error('no answer')
      return answer
    },
    abort: (wire, afterMs) => exchange(wire, afterMs),
    credentials,
    close: () => agent.destroy(),
  }
}
