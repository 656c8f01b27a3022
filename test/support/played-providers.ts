/** Every provider that embeds, each through its own protocol against a played server of its own. */
import type { RemoteSource } from '../../src/models/model.ts'
import type { RemoteDependencies } from '../../src/models/remote-models.ts'
import { playedHosts } from './played-hosts.ts'
import { huggingFaceRoutes } from './played-provider-hugging-face.ts'
import { openAiRoutes } from './played-provider-openai.ts'
import { workersAiRoutes } from './played-provider-workers-ai.ts'
import { PlayedProvider, type PlayedRoute } from './played-provider.ts'
import { openAiSource } from './remote-models-fixture.ts'

export interface PlayedEmbedding {
  readonly name: string
  readonly played: PlayedProvider
  readonly source: RemoteSource
  /** Whether its answers say which vector is whose. */
  readonly indexes: boolean
  readonly dependencies: Partial<RemoteDependencies>
}

/** Hugging Face's router is used for its own keys only, which begin so. */
const HUGGING_FACE_KEY = 'hf_sealed'

export async function playedEmbeddings(): Promise<PlayedEmbedding[]> {
  const make = async (
    name: string,
    route: PlayedRoute,
    sourceAt: (url: string) => RemoteSource,
    indexes = false,
  ): Promise<PlayedEmbedding> => {
    const played = await PlayedProvider.start({ routes: [route] })
    return { name, played, source: sourceAt(played.url), indexes, dependencies: { call: playedHosts(played.url) } }
  }
  return Promise.all([
    make('openai-compatible', openAiRoutes(), openAiSource, true),
    make('openai-compatible in numbers', openAiRoutes({ ignoresBase64: true }), openAiSource, true),
    make('a dedicated endpoint of Hugging Face', huggingFaceRoutes(), (endpointUrl) => ({
      provider: 'huggingface',
      endpointUrl,
      apiKey: HUGGING_FACE_KEY,
    })),
    make('hf-inference by the router', huggingFaceRoutes(), () => ({
      provider: 'huggingface',
      model: 'played/model',
      inferenceProvider: 'hf-inference',
      apiKey: HUGGING_FACE_KEY,
    })),
    make(
      'scaleway by the router',
      huggingFaceRoutes(),
      () => ({
        provider: 'huggingface',
        model: 'played/model',
        inferenceProvider: 'scaleway',
        apiKey: HUGGING_FACE_KEY,
      }),
      true,
    ),
    make('Workers AI by REST', workersAiRoutes(), () => ({
      provider: 'workers-ai',
      model: '@cf/played/model',
      accountId: 'account',
      apiKey: 'sealed',
    })),
  ])
}
