/** Which adapter speaks with which provider. */
import type { RemoteSource } from '../model.ts'
import { huggingFaceAdapter } from './hugging-face.ts'
import { openAiCompatibleAdapter } from './openai-compatible.ts'
import type { AdapterContext, ProviderAdapter } from './provider-adapter.ts'
import { workersAiAdapter } from './workers-ai.ts'

/** @throws ProviderFault `refused` where the deployment or the source lacks what the provider needs */
export function adapterOf(source: RemoteSource, context: AdapterContext): ProviderAdapter {
  if (source.provider === 'workers-ai') return workersAiAdapter(source, context)
  if (source.provider === 'huggingface') return huggingFaceAdapter(source, context)
  return openAiCompatibleAdapter(source, context)
}
