/** What the fuzzer does to a good request. Each mutation is decided by its own seed, so that a request can be made again with fewer. */
import { anyJson, ODD_NUMBERS, ODD_STRINGS } from './generate.ts'
import type { Json } from './generate.ts'
import type { Dice, WireRequest } from './wire.ts'

/** A request while it is made: the body is a value until something can only be said in text. */
export interface Draft {
  path: string
  headers: Record<string, string>
  body?: Json
  text?: string | Uint8Array<ArrayBuffer>
  isChunked?: boolean
}

type Mutation = (draft: Draft, dice: Dice) => void

/** Members that would matter if they were taken from a caller. */
export const FORBIDDEN_MEMBERS = [
  'tenantId',
  'tenant',
  'tenantUid',
  'role',
  'isAdmin',
  'createdBy',
  'principal',
  '__proto__',
  'constructor',
  'prototype',
  '$where',
  'admin',
  'secretHash',
  'uid',
]

type Spot = readonly [holder: { [name: string]: Json } | Json[], name: string]

function* spotsOf(value: Json | undefined): Generator<Spot> {
  if (typeof value !== 'object' || value === null) return
  for (const name of Object.keys(value)) {
    yield [value, name]
    yield* spotsOf((value as { [name: string]: Json })[name])
  }
}

/** Replaces something inside the body. */
const atSpot =
  (change: (before: Json, dice: Dice) => Json | undefined): Mutation =>
  (draft, dice) => {
    const spots = [...spotsOf(draft.body)]
    if (spots.length === 0) return
    const [holder, name] = dice.pick(spots)
    const object = holder as { [name: string]: Json }
    const after = change(object[name] ?? null, dice)
    if (after === undefined) delete object[name]
    else object[name] = after
  }

const swapType = atSpot((before, dice) =>
  dice.pick<Json>([null, true, [], {}, [before], { value: before }, JSON.stringify(before), 7, '7', [[]]]),
)
const oddString = atSpot((_, dice) => dice.pick(ODD_STRINGS))
const oddNumber = atSpot((_, dice) => dice.pick(ODD_NUMBERS))
const oddValue = atSpot((_, dice) => anyJson(dice))
const dropMember = atSpot(() => undefined)
const hugeString = atSpot((_, dice) => dice.pick(['x', 'é', '字', '"', '\\', 'a b ']).repeat(2_000))
const longArray = atSpot((before, dice) => Array.from({ length: 1 + dice.below(1_100) }, () => before))
const deepValue = atSpot((_, dice) => {
  let deep: Json = 1
  for (let i = 10 + dice.below(120); i > 0; i--) deep = dice.chance(0.5) ? [deep] : { $and: [deep] }
  return deep
})

const extraMember: Mutation = (draft, dice) => {
  const { body } = draft
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return
  Object.defineProperty(body, dice.pick(FORBIDDEN_MEMBERS), {
    value: dice.pick<Json>(['acme', true, ['admin'], { admin: true }]),
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

const wholeBody: Mutation = (draft, dice) => {
  if (draft.body !== undefined) draft.body = anyJson(dice)
}

const textOf = (draft: Draft): string =>
  typeof draft.text === 'string' ? draft.text : draft.body === undefined ? '' : JSON.stringify(draft.body)

/** Changes what only the text of a body can show. */
const inText =
  (change: (text: string, dice: Dice) => string | Uint8Array<ArrayBuffer>): Mutation =>
  (draft, dice) => {
    if (draft.body === undefined && draft.text === undefined) return
    draft.text = change(textOf(draft), dice)
  }

const truncated = inText((text, dice) => text.slice(0, dice.below(text.length + 1)))
const duplicateMember = inText((text) => text.replace(/^\{("[^"]*"):/, '{$1:null,$1:'))
const badNumber = inText((text, dice) =>
  text.replace(/-?\d+(\.\d+)?/, dice.pick(['1e999', '-1e999', 'NaN', '01', '0x10', '1_000'])),
)
const trailing = inText((text, dice) => text + dice.pick(['}', ',', ' x', '\u0000', '{}', '//', '\n\n']))
const leading = inText((text, dice) => dice.pick(['\ufeff', ' \n', ")]}',", '[', '\u0000']) + text)
const deepText = inText((_, dice) => '['.repeat(100 + dice.below(50_000)))
const badBytes = inText((text, dice) => {
  const bytes = Uint8Array.from(new TextEncoder().encode(text))
  if (bytes.length > 0) bytes[dice.below(bytes.length)] = 0x80 + dice.below(0x80)
  return bytes
})
const surrogateEscape = inText((text) => text.replace(/:"/, ':"\\ud800'))

const contentType: Mutation = ({ headers }, dice) => {
  headers['content-type'] = dice.pick([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/json;',
    'application/problem+json',
    'APPLICATION/JSON',
    'application/json, text/html',
    '*/*',
  ])
}

const chunked: Mutation = (draft) => {
  draft.isChunked = true
}

const query: Mutation = (draft, dice) => {
  const joint = draft.path.includes('?') ? '&' : '?'
  draft.path +=
    joint +
    dice.pick([
      'limit=0',
      'limit=-1',
      'limit=1e3',
      'limit=99999999999',
      'limit=10&limit=10',
      'limit=',
      'limit=%00',
      'cursor=x',
      `cursor=${'A'.repeat(5_000)}`,
      'cursor=eyJhIjoxfQ',
      'include=vectors,text',
      'include=,',
      'tenant=acme',
      '__proto__=1',
      '%ff=%ff',
      'zzz',
      '=',
      '&&',
      'from=yesterday',
      'groupBy=tenant',
      'prefix=%25',
      'wait=1',
      `x=${'y'.repeat(8_000)}`,
    ])
}

const header: Mutation = ({ headers }, dice) => {
  const [name, value] = dice.pick<readonly [string, string]>([
    ['idempotency-key', 'k'.repeat(300)],
    ['idempotency-key', ''],
    ['idempotency-key', 'a b\tc'],
    ['if-match', '"x"'],
    ['if-match', '*, "1"'],
    ['if-match', 'W/"1"'],
    ['if-none-match', '*'],
    ['prefer', 'wait=-1'],
    ['prefer', 'wait=99999999999999'],
    ['prefer', 'respond-async, wait=1, ;;;'],
    ['accept', 'text/html'],
    ['accept-encoding', 'br;q=9'],
    ['content-encoding', 'gzip'],
    ['range', 'bytes=0-1'],
    ['expect', 'nothing'],
    ['x-http-method-override', 'DELETE'],
    ['last-event-id', '-1'],
    ['cf-connecting-ip', 'not-an-address'],
    ['origin', 'null'],
  ])
  headers[name] = value
}

const segment: Mutation = (draft, dice) => {
  const [path = '', ...rest] = draft.path.split('?')
  const parts = path.split('/')
  if (parts.length < 4) return
  parts[3 + dice.below(parts.length - 3)] =
    encodeURIComponent(dice.pick(ODD_STRINGS).toWellFormed()).slice(0, 3_000) || '%20'
  draft.path = [parts.join('/'), ...rest].join('?')
}

const MUTATIONS: readonly Mutation[] = [
  swapType,
  swapType,
  oddString,
  oddString,
  oddNumber,
  oddValue,
  dropMember,
  hugeString,
  longArray,
  deepValue,
  extraMember,
  wholeBody,
  truncated,
  duplicateMember,
  badNumber,
  trailing,
  leading,
  deepText,
  badBytes,
  surrogateEscape,
  contentType,
  chunked,
  query,
  query,
  header,
  header,
  segment,
]

export function mutate(draft: Draft, dice: Dice): void {
  dice.pick(MUTATIONS)(draft, dice)
}

export function requestOf(method: string, draft: Draft): WireRequest {
  const hasBody = draft.body !== undefined || draft.text !== undefined
  return {
    method,
    path: draft.path,
    headers: draft.headers,
    ...(hasBody ? { body: draft.text ?? JSON.stringify(draft.body) } : {}),
    ...(draft.isChunked === true ? { isChunked: true } : {}),
  }
}
