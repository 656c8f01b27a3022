/** The providers of one model in their order: its own, then its fallbacks, each asked when the one before is of no help. */
import type { ModelProfile } from '../embedder.ts'
import { apiKeyContext, type ModelCaller, type RemoteSource } from '../model.ts'
import { adapterOf } from './adapter-of.ts'
import type { CallPolicy } from './call-policy.ts'
import { type CallLimits, Endpoint, type Patience } from './endpoint.ts'
import type { EndpointsHealth } from './endpoint-health.ts'
import type { AiBinding, ModelFetch } from './provider-adapter.ts'
import { ProviderFault } from './provider-fault.ts'

export interface EndpointDependencies {
  readonly call: ModelFetch
  readonly ai?: AiBinding
  openApiKey(sealed: string, context: string): Promise<string | undefined>
  readonly health: EndpointsHealth
  readonly patience: Patience
}

export interface RemoteModel {
  readonly uid: string
  /** Its own first. */
  readonly sources: readonly RemoteSource[]
  readonly profile?: ModelProfile
}

/** The end of a sealed key differs whenever one is stored. */
const SEAL_LENGTH = 22

/** Where and with which key it is asked: what an old address or key did wrong says nothing about a new one. */
function placeOf(source: RemoteSource): string {
  const address = source.provider === 'huggingface' ? source.endpointUrl : source.baseUrl
  return JSON.stringify([address, source.apiKey?.slice(-SEAL_LENGTH)])
}

type Asking<T> = (endpoint: Endpoint, limits: CallLimits) => Promise<T>

export class RemoteEndpoints {
  readonly #model: RemoteModel
  readonly #caller: ModelCaller
  readonly #dependencies: EndpointDependencies

  constructor(model: RemoteModel, caller: ModelCaller, dependencies: EndpointDependencies) {
    this.#model = model
    this.#caller = caller
    this.#dependencies = dependencies
  }

  /** Asks one provider after the other until one serves. @throws Problem, or the reason of `signal` */
  async ask<T>(policy: CallPolicy, signal: AbortSignal | undefined, asking: Asking<T>): Promise<T> {
    const { sources } = this.#model
    const total = this.#dependencies.patience.timeLimit(policy.totalMs)
    const caller = signal === undefined ? {} : { caller: signal }
    let reported: ProviderFault | undefined
    for (const [position, source] of sources.entries()) {
      const limits: CallLimits = { policy, total, ...caller, retriesTimeouts: position === sources.length - 1 }
      try {
        return await asking(await this.#open(source, position), limits)
      } catch (error) {
        if (!(error instanceof ProviderFault)) throw error
        // An outage is told before a refusal: nobody shall give up for good while one of them may come back.
        if (reported === undefined || (error.isOutage && !reported.isOutage)) reported = error
      }
    }
    throw reported?.problem ?? new Error(`invariant: the model ${this.#model.uid} has a provider`)
  }

  async #open(source: RemoteSource, position: number): Promise<Endpoint> {
    const { call, ai, health, patience } = this.#dependencies
    const { uid, profile } = this.#model
    const { tenantUid } = this.#caller
    const apiKey = await this.#openKey(source, apiKeyContext(tenantUid, uid, position))
    const adapter = adapterOf(source, {
      call,
      ...(ai === undefined ? {} : { ai }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(profile === undefined ? {} : { profile }),
    })
    return new Endpoint(adapter, health.of(`${tenantUid}/${uid}/${position}/${placeOf(source)}`), patience)
  }

  async #openKey({ apiKey: sealed }: RemoteSource, context: string): Promise<string | undefined> {
    if (sealed === undefined) return undefined
    const apiKey = await this.#dependencies.openApiKey(sealed, context)
    if (apiKey !== undefined) return apiKey
    throw new ProviderFault('refused', "the provider's key can no longer be opened; store it again")
  }
}
