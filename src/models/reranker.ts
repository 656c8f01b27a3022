/** What judges how well documents answer a query, one pair at a time, better and slower than vectors do. */

export interface RerankOptions {
  /** Gives up when it fires; what was spent by then is lost. */
  readonly signal?: AbortSignal
}

export interface RerankResult {
  /** One score for each document, in the order of the request: calibrated to [0, 1], higher is better. */
  readonly scores: readonly number[]
  /** What the provider's model said before calibration, in the same order. */
  readonly raw: readonly number[]
  /** Input tokens as the provider counted them; an estimate where it does not say. */
  readonly tokens: number
}

export interface Reranker {
  readonly id: string
  /** @throws upstream_failed, upstream_timeout, overloaded */
  rerank(query: string, documents: readonly string[], options?: RerankOptions): Promise<RerankResult>
}
