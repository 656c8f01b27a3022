/** What the egress Worker is asked and what it answers: plain data over RPC. */

/** One webhook delivery, signed already. */
export interface DeliveryRequest {
  readonly url: string
  /** Lower-case names; only those of Standard Webhooks pass. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Until the answer's status is there; never more than `EGRESS_TIMEOUT_MS`. */
  readonly timeoutMs: number
}

/** `refused`: never sent, the address is not public. `redirect`: the receiver answered 3xx, which is never followed. */
export type DeliveryFailure = 'refused' | 'timeout' | 'network' | 'redirect'

export type DeliveryOutcome = { readonly status: number } | { readonly failure: DeliveryFailure }

export interface EgressApi {
  deliver(request: DeliveryRequest): Promise<DeliveryOutcome>
}
