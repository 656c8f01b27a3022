import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { modelName, models, modelTable } from '../../../src/cli/models.ts'
import { parseOptions, UsageError } from '../../../src/cli/options.ts'
import { NearfieldClient, NearfieldError } from '../../../src/client/client.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

/** A client that notes what it is asked, and answers from a list. */
function recording(answers: readonly unknown[] = []) {
  const asked: Asked[] = []
  class Recording extends NearfieldClient {
    override async request<T>(method: string, path: string, body?: unknown): Promise<T> {
      asked.push({ method, path, body })
      return answers[asked.length - 1] as T
    }
  }
  return { asked, client: new Recording({ url: 'http://127.0.0.1:1' }) }
}

const folder = mkdtempSync(join(tmpdir(), 'nearfield-models-'))
writeFileSync(join(folder, 'My Vectors.vec'), 'boat 1 2\n')

const run = async (words: string, answers?: readonly unknown[]) => {
  const { asked, client } = recording(answers)
  const result = await models(client, parseOptions(['models', ...words.split('|')]), folder)
  return { asked, result }
}

describe('models on the command line', () => {
  it('are listed from all pages', async () => {
    const { asked, result } = await run('list', [
      { data: [{ id: 'a' }], nextCursor: 'n&x' },
      { data: [{ id: 'b' }], nextCursor: null },
    ])
    expect(asked.map(({ path }) => path)).toEqual(['/v1/models?limit=100', '/v1/models?limit=100&cursor=n%26x'])
    expect(result).toEqual([{ id: 'a' }, { id: 'b' }])
  })

  it('are imported as they are, under the file’s name unless told', async () => {
    const { asked } = await run('import|My Vectors.vec|--languages|en,de|--licence|MIT')
    const [{ method, path, body } = { method: '', path: '', body: undefined }] = asked
    expect(method).toBe('POST')
    expect(path).toBe('/v1/models/import?id=my-vectors&cut=false&languages=en%2Cde&licence=MIT')
    expect(await (body as Blob).text()).toBe('boat 1 2\n')
    const named = await run('import|My Vectors.vec|--id|mine|--format|fasttext')
    expect(named.asked[0]?.path).toBe('/v1/models/import?id=mine&cut=false&format=fasttext')
  })

  it('are trained and deleted by name', async () => {
    const body = { id: 'handbook-words', collection: 'handbook', method: 'ppmi-svd' }
    expect((await run('train|handbook')).asked).toEqual([{ method: 'POST', path: '/v1/models/train', body }])
    const told = await run('train|handbook|--id|w|--dimensions|64')
    expect(told.asked[0]?.body).toEqual({ ...body, id: 'w', dimensions: 64 })
    const { asked, result } = await run('delete|a/b')
    expect(asked[0]).toMatchObject({ method: 'DELETE', path: '/v1/models/a%2Fb' })
    expect(result).toEqual({ deleted: 'a/b' })
  })

  it('that are absent are named, and so is a collection without which there is nothing to train on', async () => {
    class Absent extends NearfieldClient {
      override request<T>(): Promise<T> {
        return Promise.reject(new NearfieldError(404, { code: 'not_found' }))
      }
    }
    const client = new Absent({ url: 'http://127.0.0.1:1' })
    const asked = (...words: string[]) => models(client, parseOptions(['models', ...words]), folder)
    await expect(asked('delete', 'glove')).rejects.toThrow('no model "glove" (404 not_found)')
    await expect(asked('train', 'handbook')).rejects.toThrow('no collection "handbook" for this key (404 not_found)')
  })

  it('are shown in columns, with what decides between them', () => {
    const languages = ['ar', 'de', 'en', 'ja']
    const rows = modelTable([
      { id: 'edge', task: 'embed', provider: 'edge', dimensions: 384, maxTokens: 512, languages, licence: 'MIT' },
      { id: 'mine', task: 'embed', provider: 'word-vectors', dimensions: 20, words: 16, licence: 'unknown' },
      { id: 'judge', task: 'rerank', provider: 'huggingface', languages: ['en'], licence: '\u001b[2J' },
    ])
    expect(rows.map((row) => row.join('|').trimEnd())).toEqual([
      'edge |in the Worker|384 dimensions|512 tokens|4 languages|MIT',
      'mine |word vectors |20 dimensions |16 words  |           |',
      'judge|huggingface  |rerank        |          |en         |[2J',
    ])
    expect(modelTable([])).toEqual([])
  })

  it.each(['', 'import', 'train', 'delete|a|b', 'rename|a', 'list|a'])('are refused as “models %s”', async (words) => {
    await expect(run(words)).rejects.toThrow(UsageError)
  })

  it.each([
    ['glove.6B.100d.txt', 'glove.6b.100d'],
    ['wiki-news-300d-1M.vec', 'wiki-news-300d-1m'],
    ['_Ünïcode Model_.bin', 'n-code-model_'],
  ])('take from %s the name %s', (file, name) => {
    expect(modelName(file)).toBe(name)
    expect(() => modelName('…')).toThrow('--id')
  })
})
