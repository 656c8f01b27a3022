/**
 * The part of Hugging Face's client library that is used, in a module of its own: it is loaded when the first model of
 * Hugging Face is asked, so that nothing else starts slower for it.
 */
import {
  chatCompletion,
  chatCompletionStream,
  featureExtraction,
  InferenceClientInputError,
  InferenceClientRoutingError,
  setLogger,
} from '@huggingface/inference'

const silent = (): void => undefined
// It tells the console which provider it picked.
setLogger({ debug: silent, info: silent, warn: silent, error: silent, log: silent })

/** Faults of the configuration, which no repetition mends. */
export const isInputError = (error: unknown): boolean =>
  error instanceof InferenceClientInputError || error instanceof InferenceClientRoutingError

export { chatCompletion, chatCompletionStream, featureExtraction }
