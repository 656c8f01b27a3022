/** Turns the untrusted JSON of a question into an `AnswerRequest`; all faults are listed at once. */
import { utf8Length } from '../core/bytes.ts'
import { Faults, isJsonObject, pointerTo } from '../core/faults.ts'
import { MAX_QUERY_BYTES } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import { parseSearchRequest, refusePrivateFields } from '../search/parse-search-request.ts'
import type { SearchRequest } from '../search/search-request.ts'
import type { AnswerRequest, Message } from './answer-request.ts'

/** A request with its question found and the search for its context complete. */
export interface CheckedAnswer {
  readonly question: string
  readonly search: SearchRequest
}

const KNOWN = new Set(['question', 'messages', 'search', 'generator', 'stream'])
const MESSAGE_FIELDS = new Set(['role', 'content'])
const ROLES: ReadonlySet<unknown> = new Set(['system', 'user', 'assistant'])
/** What pages and counts hits, which an answer has no place for. */
const SEARCH_NOT_BUILT = ['cursor', 'facets', 'explain'] as const

const MAX_MESSAGES = 100
/** Chunks that are read for an answer unless `search.limit` says otherwise. */
const DEFAULT_PASSAGES = 8

/**
 * Checks one question.
 * @throws invalid_request, not_supported (streams, other generators), forbidden (what public keys may not search by)
 */
export function parseAnswerRequest(body: unknown, credential: { readonly kind: string }): CheckedAnswer {
  const faults = new Faults()
  if (!isJsonObject(body)) {
    faults.add('', 'must be an object')
    faults.throwIfAny()
    throw new Problem('invalid_request')
  }
  refusePrivateFields(body['search'], credential, '/search')
  faults.checkMembers(body, '', KNOWN)
  checkGenerator(body, faults)
  const { question, pointer } = questionOf(body, faults)
  const search = searchOf(body['search'], question ?? 'x', pointer, credential, faults)
  faults.throwIfAny()
  return { question: question ?? '', search }
}

function checkGenerator(body: Record<string, unknown>, faults: Faults): void {
  const { stream, generator } = body as { stream?: unknown; generator?: unknown }
  if (stream === true) faults.add('/stream', 'is not supported yet', 'not_supported')
  else if (stream !== undefined && stream !== false) faults.add('/stream', 'must be true or false')
  if (generator === undefined || generator === 'extractive') return
  if (typeof generator === 'string' || isJsonObject(generator)) {
    faults.add('/generator', "is not supported yet; only 'extractive' is", 'not_supported')
  } else faults.add('/generator', 'must be a string')
}

interface Asked {
  readonly question: string | undefined
  /** Where the question stands in the body. */
  readonly pointer: string
}

function questionOf(body: Record<string, unknown>, faults: Faults): Asked {
  const { question, messages } = body as { question?: unknown; messages?: unknown }
  if ((question === undefined) === (messages === undefined)) {
    faults.add('/question', question === undefined ? 'is required unless there are messages' : 'excludes messages')
    return { question: undefined, pointer: '/question' }
  }
  if (question !== undefined) return { question: questionText(question, '/question', faults), pointer: '/question' }
  const checked = messagesOf(messages, faults)
  const last = checked.findLastIndex((message) => message?.role === 'user')
  if (last === -1) {
    if (faults.isEmpty) faults.add('/messages', 'must have a user message')
    return { question: undefined, pointer: '/messages' }
  }
  const pointer = `/messages/${last}/content`
  return { question: questionText(checked[last]?.content, pointer, faults), pointer }
}

function questionText(value: unknown, pointer: string, faults: Faults): string | undefined {
  const text = faults.text(value, pointer)
  if (text === undefined) return undefined
  if (text.trim() === '') faults.add(pointer, 'must not be empty')
  else if (utf8Length(text) > MAX_QUERY_BYTES) faults.add(pointer, `must be at most ${MAX_QUERY_BYTES} bytes`)
  else return text
  return undefined
}

function messagesOf(value: unknown, faults: Faults): (Message | undefined)[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_MESSAGES) {
    faults.add('/messages', `must be an array of 1 to ${MAX_MESSAGES} messages`)
    return []
  }
  return value.map((message: unknown, index) => {
    const pointer = pointerTo('/messages', index)
    if (!isJsonObject(message)) {
      faults.add(pointer, 'must be an object')
      return undefined
    }
    faults.checkMembers(message, pointer, MESSAGE_FIELDS)
    const { role, content } = message as { role?: unknown; content?: unknown }
    if (!ROLES.has(role)) faults.add(`${pointer}/role`, "must be 'system', 'user' or 'assistant'")
    if (typeof content !== 'string') {
      faults.add(`${pointer}/content`, 'must be a string')
      return undefined
    }
    return { role: role as Message['role'], content }
  })
}

/** Completes the search and has it checked; its faults are named as seen from the question's body. */
function searchOf(
  value: unknown,
  question: string,
  questionPointer: string,
  credential: { readonly kind: string },
  faults: Faults,
): SearchRequest {
  if (value !== undefined && !isJsonObject(value)) {
    faults.add('/search', 'must be an object')
    return {}
  }
  for (const field of SEARCH_NOT_BUILT) {
    if (value?.[field] !== undefined) faults.add(`/search/${field}`, 'is not supported in answers', 'not_supported')
  }
  const rest = Object.fromEntries(Object.entries(value ?? {}).filter(([field]) => !isNotBuilt(field)))
  const search = { query: question, limit: DEFAULT_PASSAGES, ...rest }
  try {
    parseSearchRequest(search, credential)
  } catch (error) {
    if (!(error instanceof Problem) || error.errors === undefined) throw error
    const errors = error.errors.map(({ pointer, detail }) => ({
      pointer: pointer === '/query' && value?.['query'] === undefined ? questionPointer : `/search${pointer}`,
      detail,
    }))
    faults.attempt(() => {
      throw new Problem(error.code, error.message, { errors })
    })
  }
  return search
}

const isNotBuilt = (field: string): boolean => SEARCH_NOT_BUILT.some((name) => name === field)

export type { AnswerRequest }
