/**
 * `Idempotency-Key` as the Worker sees it: a request runs once, its answer is sealed and kept in the tenant's object before
 * it leaves, and the same request within 24 h gets it again. Follows draft-ietf-httpapi-idempotency-key-header-07.
 */
import { hex, sha256, utf8 } from '../core/bytes.ts'
import { MAX_IDEMPOTENCY_KEY_BYTES, MAX_TEXT_PIECE_BYTES } from '../core/limits.ts'
import { asProblem, Problem } from '../core/problem.ts'
import type { ReplayPort } from './replay-port.ts'
import type { Sealer } from './sealing.ts'
import { systemTimer } from './timer.ts'
import type { Timer } from './timer.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A third of the lease, so that two renewals may be lost. */
const RENEW_MS = 10_000
/** A longer answer is not kept: only reads are that long, and running a read again harms nothing. */
const MAX_REPLAY_BYTES = 16_000_000

/** What is kept of an answer. `headers` holds those that belong to it, such as `location`, `etag`, `content-type`. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The body as a replay shows it, without secrets and with `secretShown: false`; the body itself unless given. */
  readonly replayBody?: string
}

export interface IdempotentRequest {
  readonly method: string
  /** Of the URL, without the query string, still percent-encoded. */
  readonly path: string
  /** Belongs to the request as its body does; `''` for none. */
  readonly query?: string
  /** The header's value, checked by `parseIdempotencyKey`. */
  readonly key: string
  /** SHA-256 of the body as received; the body itself need not be held while the request runs. */
  readonly bodyDigest: Bytes
  /** `rightsDigest` of the principal. */
  readonly rights: string
}

export interface IdempotencyDependencies {
  /** The tenant's object, or the operator's for root-level requests. */
  readonly replays: ReplayPort
  readonly sealer: Sealer
  readonly timer?: Timer
}

/** Reads the header: absent is `undefined`. @throws invalid_request unless it is 1–255 printable ASCII characters. */
export function parseIdempotencyKey(header: string | null | undefined): string | undefined {
  if (header === null || header === undefined) return undefined
  if (header.length <= MAX_IDEMPOTENCY_KEY_BYTES && /^[\u0020-\u007e]+$/.test(header)) return header
  throw new Problem(
    'invalid_request',
    `Idempotency-Key must be 1 to ${MAX_IDEMPOTENCY_KEY_BYTES} printable ASCII characters`,
  )
}

/**
 * Answers from the record or runs `run` under a lease. `run` must turn its own problems into answers, so that a 4xx is
 * replayed too; what it throws counts as a 5xx and leaves no record. Its `operationId` is the same when a request is run
 * again after a crash: what it creates takes its id from it, and so exists once.
 * @throws request_in_flight (409, retry later), idempotency_key_reused (422), overloaded when no record can be kept.
 */
export async function runIdempotent(
  { replays, sealer, timer = systemTimer }: IdempotencyDependencies,
  request: IdempotentRequest,
  run: (operationId: string) => Promise<Answer>,
): Promise<Answer & { readonly replayed: boolean }> {
  const { lookup, fingerprint, box } = await keysOf(request, sealer)
  const begun = await reach(() => replays.beginReplay(lookup, fingerprint))
  if (begun.kind === 'replay') return { ...(await openAnswer(begun.pieces, box, lookup)), replayed: true }
  if (begun.kind === 'reused') throw new Problem('idempotency_key_reused')
  if (begun.kind === 'inFlight') {
    throw new Problem('request_in_flight', undefined, { retryAfterSeconds: begun.retryAfterSeconds })
  }
  const { lease, operationId } = begun
  const stopRenewing = renew(replays, lookup, lease, timer)
  try {
    const answer = await run(operationId)
    await keep(replays, { lookup, lease, box }, answer)
    return { ...answer, replayed: false }
  } catch (error) {
    // Best effort: an unreachable object frees the key when the lease ends.
    await replays.dropReplay(lookup, lease).catch(() => {})
    throw error
  } finally {
    stopRenewing()
  }
}

/** The record is committed before the answer leaves; where it cannot be, the caller repeats, which is always safe. */
async function keep(
  replays: ReplayPort,
  { lookup, lease, box }: { lookup: string; lease: string; box: Sealer },
  answer: Answer,
): Promise<void> {
  const sealed = isKept(answer) ? await sealAnswer(answer, box, lookup) : undefined
  if (sealed === undefined) {
    await reach(() => replays.dropReplay(lookup, lease))
    return
  }
  if (await reach(() => replays.finishReplay(lookup, lease, { status: answer.status, pieces: sealed }))) return
  // Another request took over while this one seemed dead: its answer is the one that will be replayed.
  throw new Problem('request_in_flight', undefined, { retryAfterSeconds: 1 })
}

const isKept = ({ status }: Answer): boolean => status < 500 && status !== 429

function renew(replays: ReplayPort, lookup: string, lease: string, timer: Timer): () => void {
  let cancel = (): void => {}
  const arm = (): void => {
    cancel = timer(RENEW_MS, () => {
      arm()
      // A lost renewal shows when the answer is to be kept.
      void replays.renewReplay(lookup, lease).catch(() => {})
    })
  }
  arm()
  return () => cancel()
}

/**
 * Three digests of one request. The lookup names the record; the fingerprint tells whether body and rights are the same
 * again; the sealer's key can be derived only by who brings the idempotency key and the body once more.
 */
async function keysOf(
  request: IdempotentRequest,
  sealer: Sealer,
): Promise<{ lookup: string; fingerprint: string; box: Sealer }> {
  const { method, path, query = '', key, bodyDigest, rights } = request
  const [name, fingerprintKey] = await Promise.all([
    sha256(utf8(JSON.stringify([method, path, key]))),
    sealer.deriveKey('replay-fingerprint'),
  ])
  const [fingerprint, box] = await Promise.all([
    crypto.subtle.sign('HMAC', fingerprintKey, utf8(JSON.stringify([hex(bodyDigest), rights, query]))),
    sealer.derive(`replay/${key}`, bodyDigest),
  ])
  return { lookup: hex(name), fingerprint: hex(new Uint8Array(fingerprint)), box }
}

/** `undefined` for an answer that is too long to keep. */
async function sealAnswer(answer: Answer, box: Sealer, lookup: string): Promise<Bytes[] | undefined> {
  const { status, headers, body, replayBody = body } = answer
  const plain = utf8(JSON.stringify({ status, headers, body: replayBody }))
  if (plain.length > MAX_REPLAY_BYTES) return undefined
  const sealed = await box.seal(plain, lookup)
  const pieces: Bytes[] = []
  for (let start = 0; start < sealed.length; start += MAX_TEXT_PIECE_BYTES) {
    pieces.push(sealed.slice(start, start + MAX_TEXT_PIECE_BYTES))
  }
  return pieces
}

async function openAnswer(pieces: readonly Uint8Array[], box: Sealer, lookup: string): Promise<Answer> {
  const sealed = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    sealed.set(piece, at)
    at += piece.length
  }
  const plain = await box.open(sealed, lookup)
  // Under another sealing key the fingerprint would not have fitted: the record was damaged, and is of no use.
  if (plain === undefined) throw new Problem('idempotency_key_reused')
  return JSON.parse(new TextDecoder().decode(plain)) as Answer
}

/** Calls the tenant's object; whatever is not a problem of ours means that it cannot be reached now. */
async function reach<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw asProblem(error) ?? new Problem('overloaded', 'the request cannot be recorded now', { retryAfterSeconds: 1 })
  }
}
