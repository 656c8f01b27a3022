import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { huggingFaceRoutes } from '../../support/played-provider-hugging-face.ts'
import { openAiRoutes } from '../../support/played-provider-openai.ts'
import { workersAiRoutes } from '../../support/played-provider-workers-ai.ts'
import { PlayedProvider } from '../../support/played-provider.ts'

const SCRIPT = join(import.meta.dirname, '../../../scripts/check-providers.ts')
const KEY = 'hf_played-secret'
const routes = [huggingFaceRoutes(), openAiRoutes(), workersAiRoutes()]
const played = await PlayedProvider.start({ routes, apiKey: KEY, dimensions: 1024 })

/** Nothing of this process's own environment goes along. */
function check(env: Readonly<Record<string, string>>, ...args: string[]): Promise<{ status: number; output: string }> {
  const { promise, resolve } = Promise.withResolvers<{ status: number; output: string }>()
  const options = { env: { PATH: '', ...env } }
  execFile(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT, ...args], options, (error, out, err) =>
    resolve({ status: typeof error?.code === 'number' ? error.code : 0, output: out + err }),
  )
  return promise
}

const everything = {
  CLOUDFLARE_ACCOUNT_ID: 'acc',
  CLOUDFLARE_API_TOKEN: KEY,
  CLOUDFLARE_AI_BASE_URL: `${played.url}/client/v4/accounts/acc/ai/run`,
  HF_TOKEN: KEY,
  HF_EMBED_URL: played.url,
  HF_EMBED_MODEL: 'BAAI/bge-m3',
  HF_RERANK_URL: played.url,
  HF_CHAT_URL: `${played.url}/v1`,
  OPENAI_BASE_URL: `${played.url}/v1`,
  OPENAI_API_KEY: KEY,
  OPENAI_EMBED_MODEL: 'acme/own',
  OPENAI_EMBED_DIMENSIONS: '64',
  OPENAI_RERANK_MODEL: 'acme/rerank',
  OPENAI_CHAT_MODEL: 'acme/chat',
}

beforeEach(() => played.reset())
afterAll(() => played.stop())

test('checks everything that the environment has credentials for', async () => {
  const openAi = await PlayedProvider.start({ routes, apiKey: KEY, dimensions: 64 })
  const { status, output } = await check({ ...everything, OPENAI_BASE_URL: `${openAi.url}/v1` })
  await openAi.stop()
  expect({ status, output }).toMatchObject({ status: 0 })
  const lines = output.trim().split('\n')
  expect(lines).toHaveLength(18)
  expect(lines.every((line) => line.startsWith('ok'))).toBe(true)
  for (const provider of ['workers-ai', 'huggingface', 'openai-compatible']) {
    expect(lines.filter((line) => line.includes(provider))).toHaveLength(6)
  }
  expect(output).not.toContain(KEY)
})

test('says which check failed and why, without a word of the provider’s', async () => {
  played.always({ fault: 'status', status: 403 })
  const { status, output } = await check(everything, 'huggingface')
  expect(status).toBe(1)
  expect(output).toMatch(/^FAILED +huggingface +BAAI\/bge-m3 +means the same .* upstream_refused: /m)
  expect(output).not.toMatch(/sk-played|confidential|workers-ai/)
  expect(output).not.toContain(KEY)
})

test('says what a model that is not known lacks, and what can be set where nothing is', async () => {
  const { OPENAI_EMBED_DIMENSIONS: _, ...lacking } = everything
  expect(await check(lacking)).toMatchObject({ status: 2, output: expect.stringContaining('dimensions is required') })
  expect(await check({})).toMatchObject({ status: 2, output: expect.stringContaining('There is nothing to check') })
  expect(await check({}, '--help')).toMatchObject({ status: 0, output: expect.stringContaining('HF_TOKEN') })
  expect(await check({}, '--nonsense')).toMatchObject({ status: 2, output: expect.stringContaining('--nonsense') })
  expect(played.requests).toHaveLength(0)
})

test('takes a variable that is set to nothing for one that is not set', async () => {
  const { status, output } = await check({ HF_TOKEN: '', OPENAI_API_KEY: '', OPENAI_BASE_URL: '' })
  expect(status).toBe(2)
  expect(output).toContain('There is nothing to check.')
})
