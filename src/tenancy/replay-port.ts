/**
 * What the tenant's object keeps for `Idempotency-Key`, as plain data over RPC. It learns digests and sealed bytes only:
 * neither the key, nor the path, nor the body, nor the answer can be read from it.
 */

/** The sealed answer in pieces of at most 1 MB; `status` stands outside so that a replay can be told without opening. */
export interface SealedAnswer {
  readonly status: number
  readonly pieces: readonly Uint8Array[]
}

export type BeginReplayResult =
  /**
   * The caller runs the request and finishes, drops or loses the lease. `operationId` (16 base62) is the same when a
   * request is run again after a crash, a 5xx or a 429, so that what it makes can be made once.
   */
  | { readonly kind: 'run'; readonly lease: string; readonly operationId: string }
  | ({ readonly kind: 'replay' } & SealedAnswer)
  /** Another request holds the lease. */
  | { readonly kind: 'inFlight'; readonly retryAfterSeconds: number }
  /** The key was used with another body or by other rights. */
  | { readonly kind: 'reused' }

/** Implemented by the tenant's object; its stub has the same shape. */
export interface ReplayPort {
  /** `lookup` and `fingerprint` are hex digests of 64 digits. */
  beginReplay(lookup: string, fingerprint: string): Promise<BeginReplayResult>
  /** False when the lease was lost. */
  renewReplay(lookup: string, lease: string): Promise<boolean>
  /** Durable when it returns. False when the lease was lost; nothing is stored then. */
  finishReplay(lookup: string, lease: string, answer: SealedAnswer): Promise<boolean>
  /** Frees the key after a 5xx or 429: nothing is replayed, the request may be run again. */
  dropReplay(lookup: string, lease: string): Promise<void>
}
