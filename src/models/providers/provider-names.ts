/**
 * Names and keys that go into addresses: judged when a model is configured, and again before each call. The regular
 * expressions let no part of an address lead elsewhere.
 */
import type { HuggingFaceSource } from '../model.ts'

/** `@cf/maker/model`. */
const WORKERS_AI_NAME = /^@(?:cf|hf)(?:\/\w[\w.:-]*){2,}$/
/** `owner/model`, with `:provider` behind it for the router. */
const HUB_NAME = /^\w[\w.-]*(?:\/\w[\w.-]*)?(?::[\w-]+)?$/
/** Of Hugging Face's own keys; those of other providers look otherwise. */
const HUB_KEY_BEGINNING = 'hf_'
/** Where the hub picks who is asked, or is asked itself. */
const HUB_CHOICES: ReadonlySet<string> = new Set(['auto', 'hf-inference'])

/** Names of other forms mean other makers' models, which the deployment's account would pay for. */
export const isWorkersAiModel = (name: string): boolean => WORKERS_AI_NAME.test(name)

export const isHubModel = (name: string): boolean => HUB_NAME.test(name)

/**
 * Whether a key is not Hugging Face's although nobody else was named to take it. The client library sends such a key to the
 * provider itself, even to one that the hub picked.
 */
export const isForeignKey = (
  { endpointUrl, inferenceProvider = 'auto' }: HuggingFaceSource,
  apiKey: string | undefined,
): boolean =>
  endpointUrl === undefined &&
  HUB_CHOICES.has(inferenceProvider) &&
  apiKey !== undefined &&
  !apiKey.startsWith(HUB_KEY_BEGINNING)
