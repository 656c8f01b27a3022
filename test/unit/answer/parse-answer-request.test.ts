import { describe, expect, it } from 'vitest'
import { parseAnswerRequest } from '../../../src/answer/parse-answer-request.ts'
import { Problem } from '../../../src/core/problem.ts'

const SECRET = { kind: 'secret' }

function faultsOf(body: unknown, credential = SECRET): { code: string; pointers: string[] } {
  try {
    parseAnswerRequest(body, credential)
  } catch (error) {
    if (error instanceof Problem)
      return { code: error.code, pointers: error.errors?.map((fault) => fault.pointer) ?? [] }
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('parseAnswerRequest', () => {
  it('searches for the question unless the search says otherwise', () => {
    expect(parseAnswerRequest({ question: 'Who?' }, SECRET)).toEqual({
      question: 'Who?',
      search: { query: 'Who?', limit: 8 },
    })
    const search = { query: 'ferry', limit: 3, filter: { year: 2021 } }
    expect(parseAnswerRequest({ question: 'Who?', search, generator: 'extractive', stream: false }, SECRET)).toEqual({
      question: 'Who?',
      search,
    })
  })

  it('takes the last user message as the question', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hello.' },
      { role: 'user', content: 'Who climbed it?' },
      { role: 'assistant', content: '' },
    ]
    expect(parseAnswerRequest({ messages }, SECRET).question).toBe('Who climbed it?')
  })

  it.each([
    [{}, 'invalid_request', ['/question']],
    [null, 'invalid_request', ['']],
    [{ question: ' ' }, 'invalid_request', ['/question']],
    [{ question: 5 }, 'invalid_request', ['/question']],
    [{ question: 'a\u0000' }, 'invalid_request', ['/question']],
    [{ question: 'x'.repeat(5_000) }, 'invalid_request', ['/question']],
    [{ question: 'a', messages: [{ role: 'user', content: 'a' }] }, 'invalid_request', ['/question']],
    [{ question: 'a', colour: 1 }, 'invalid_request', ['/colour']],
    [{ question: 'a', stream: true }, 'not_supported', ['/stream']],
    [{ question: 'a', stream: 'yes' }, 'invalid_request', ['/stream']],
    [{ question: 'a', generator: 'gpt' }, 'not_supported', ['/generator']],
    [{ question: 'a', generator: { provider: 'workers-ai' } }, 'not_supported', ['/generator']],
    [{ question: 'a', generator: 5 }, 'invalid_request', ['/generator']],
    [{ question: 'a', search: [] }, 'invalid_request', ['/search']],
    [{ question: 'a', search: { limit: 0 } }, 'invalid_request', ['/search/limit']],
    [{ question: 'a', search: { query: '' } }, 'invalid_request', ['/search/query']],
    [{ question: 'a', search: { filter: { day: { $near: 3 } } } }, 'invalid_request', ['/search/filter/day/$near']],
    [{ question: 'a', search: { cursor: 'x' } }, 'not_supported', ['/search/cursor']],
    [{ question: 'a', search: { rerank: {} } }, 'invalid_request', ['/search/rerank/model']],
    [{ messages: [] }, 'invalid_request', ['/messages']],
    [{ messages: [{ role: 'assistant', content: 'a' }] }, 'invalid_request', ['/messages']],
    [{ messages: [{ role: 'user', content: '' }] }, 'invalid_request', ['/messages/0/content']],
    [
      { messages: [{ role: 'robot', content: 'a', name: 'b' }, 5] },
      'invalid_request',
      ['/messages/0/name', '/messages/0/role', '/messages/1'],
    ],
  ])('refuses %j', (body, code, pointers) => {
    expect(faultsOf(body)).toEqual({ code, pointers })
  })

  it('refuses public keys what they may not search by', () => {
    expect(faultsOf({ question: 'a', search: { exact: true } }, { kind: 'public' })).toEqual({
      code: 'forbidden',
      pointers: ['/search/exact'],
    })
    for (const beside of [{ question: '' }, { colour: 'red' }, { stream: true }]) {
      const body = { question: 'a', ...beside, search: { explain: true, limit: 0 } }
      expect(faultsOf(body, { kind: 'public' })).toEqual({ code: 'forbidden', pointers: ['/search/explain'] })
    }
  })
})
