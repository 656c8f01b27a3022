/**
 * A language model behind a provider. Until its first word an answer may come from another attempt or another provider; from
 * there on it is this one's, and what breaks off is told.
 */
import type { ChatAnswer, ChatEvent, ChatMessage, ChatModel, ChatOptions } from '../chat-model.ts'
import { CHAT_POLICY } from './call-policy.ts'
import { type CallLimits, eitherOf, type Endpoint, type Patience, unlessAborted } from './endpoint.ts'
import { asCallersProblem, ProviderFault } from './provider-fault.ts'
import type { RemoteEndpoints } from './remote-endpoints.ts'

type Events = AsyncGenerator<ChatEvent, void, undefined>
type Next = IteratorResult<ChatEvent, void>

/** A stream whose first event has come. */
interface Begun {
  readonly first: Next
  readonly events: Events
  /** Ends the provider's work. */
  readonly running: AbortController
}

export class RemoteChat implements ChatModel {
  readonly id: string
  readonly #endpoints: RemoteEndpoints
  readonly #patience: Patience

  constructor(id: string, endpoints: RemoteEndpoints, patience: Patience) {
    this.id = id
    this.#endpoints = endpoints
    this.#patience = patience
  }

  async complete(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<ChatAnswer> {
    const { signal, ...request } = options
    return this.#endpoints.ask(CHAT_POLICY, signal, (endpoint, limits) =>
      endpoint.ask(limits, async (adapter, ended) => {
        if (adapter.complete === undefined) throw cannotChat()
        return adapter.complete(messages, request, ended)
      }),
    )
  }

  async *stream(messages: readonly ChatMessage[], options: ChatOptions = {}): Events {
    const { signal } = options
    const { first, events, running } = await this.#endpoints.ask(CHAT_POLICY, signal, (endpoint, limits) =>
      begin(endpoint, limits, messages, options),
    )
    const total = this.#patience.timeLimit(CHAT_POLICY.totalMs)
    try {
      for (let next = first; ; next = await this.#next(events, total, signal)) {
        if (next.done === true) throw new ProviderFault('broken', "the provider's answer broke off")
        yield next.value
        if (next.value.kind === 'end') return
      }
    } catch (error) {
      throw asCallersProblem(error)
    } finally {
      leave(events, running)
    }
  }

  /** Each further word has as long as the first one had. */
  async #next(events: Events, total: AbortSignal, caller?: AbortSignal): Promise<Next> {
    const limit = AbortSignal.any([total, this.#patience.timeLimit(CHAT_POLICY.attemptMs)])
    try {
      return await unlessAborted(eitherOf(limit, caller), () => events.next())
    } catch (error) {
      if (caller?.aborted !== true && limit.aborted) {
        throw new ProviderFault('timeout', "the provider's answer came to a standstill")
      }
      throw error
    }
  }
}

function begin(
  endpoint: Endpoint,
  limits: CallLimits,
  messages: readonly ChatMessage[],
  options: ChatOptions,
): Promise<Begun> {
  const { signal: _, ...request } = options
  return endpoint.ask(limits, async (adapter, ended) => {
    if (adapter.stream === undefined) throw cannotChat()
    // Outlives the attempt, whose time ends with the first word.
    const running = new AbortController()
    const events = adapter.stream(messages, request, running.signal)
    try {
      return { first: await unlessAborted(ended, () => events.next()), events, running }
    } catch (error) {
      leave(events, running)
      throw error
    }
  })
}

/** Ends the provider's work. A generator that waits ends when its signal fires; nobody has to wait for that. */
function leave(events: Events, running: AbortController): void {
  running.abort()
  void events.return(undefined).catch(() => undefined)
}

const cannotChat = (): ProviderFault => new ProviderFault('refused', 'the provider does not write')
