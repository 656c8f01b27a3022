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

/** One page to be read, as a crawler asks for it. */
export interface PageRequest {
  readonly url: string
  /** As the page's last answer said; it answers 304 where nothing changed. */
  readonly etag?: string
  readonly lastModified?: string
  /** Lower-case media types; another one is not read. One that ends in `/` stands for all that begin so. */
  readonly accept: readonly string[]
  /** Counted as it is read, after it was decompressed; never more than `MAX_PAGE_BYTES`. */
  readonly maxBytes: number
  /** Leave out what is more than that, instead of refusing all of it. */
  readonly mayCut?: true
  /** Until the body's end; never more than `PAGE_TIMEOUT_MS`. */
  readonly timeoutMs: number
}

/** Header values are left out where they are longer than any use of them. */
export interface FetchedPage {
  readonly status: number
  /** Lower case, without parameters. */
  readonly mediaType?: string
  readonly etag?: string
  readonly lastModified?: string
  /** `X-Robots-Tag`, lower case. */
  readonly robotsTag?: string
  readonly retryAfter?: string
  /** Empty unless the status is 2xx. */
  readonly body: Uint8Array<ArrayBuffer>
}

export type PageFailure = 'refused' | 'timeout' | 'network' | 'too_large' | 'wrong_type'

/** `redirect`: where the answer points, as it says it; whether to go there is the caller's to judge. */
export type PageOutcome = FetchedPage | { readonly redirect: string } | { readonly failure: PageFailure }

export interface EgressApi {
  deliver(request: DeliveryRequest): Promise<DeliveryOutcome>
  /** One GET that follows no redirect. It never throws. */
  fetchPage(request: PageRequest): Promise<PageOutcome>
}
