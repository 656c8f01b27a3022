/** The page at `/`: a query, a search as one types, and a question on request. It knows the HTTP API and nothing else. */
import { NearfieldError } from '../client/client.ts'
import { connectFault } from './connect-fault.ts'
import { findConnection, forgetConnection, makeConnection } from './connection.ts'
import type { Connection } from './connection.ts'
import { byId, element } from './elements.ts'
import { clearOutcome, showAnswer, showHits } from './outcome.ts'
import type { ShownAnswer } from './outcome.ts'

type Action = 'search' | 'ask'

const PAGE_SIZE = 10
const TYPING_PAUSE_MS = 160
const EXAMPLES = ['How do I make a backup?', 'How long does a search cursor live?', 'What happens after kill -9']

const form = byId('search', HTMLFormElement)
const input = byId('query', HTMLInputElement)
const status = byId('status', HTMLParagraphElement)
const outcome = byId('outcome', HTMLDivElement)
const more = byId('more', HTMLButtonElement)
const connectForm = byId('connect', HTMLFormElement)
const where = byId('where', HTMLParagraphElement)
const cancel = byId('cancel', HTMLButtonElement)
const forget = byId('forget', HTMLButtonElement)
const examples = byId('examples', HTMLDivElement)

let connection: Connection | undefined
/** What “Cancel” goes back to while the form is open. */
let before: Connection | undefined
/** Counts runs: an answer that comes after a newer question was asked is dropped. */
let latest = 0
let typing: ReturnType<typeof setTimeout> | undefined
let lastSearched = ''

function say(text: string, isFault = false): void {
  status.textContent = text
  status.classList.toggle('fault', isFault)
}

const plural = (count: number, noun: string): string => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`

const duration = (milliseconds: number): string =>
  milliseconds < 1_000 ? `${Math.max(1, Math.round(milliseconds))} ms` : `${(milliseconds / 1_000).toFixed(1)} s`

function sayFault(error: unknown): void {
  if (!(error instanceof NearfieldError)) return say('The server did not answer. Is it running?', true)
  const trace = error.requestId === undefined ? '' : ` (${error.requestId})`
  say(`${error.message}${trace}`, true)
}

/** The query lies in the hash: it can be shared and reloaded, and never reaches a server's log. */
function remember(query: string, action: Action): void {
  const state = new URLSearchParams({ q: query, ...(action === 'ask' ? { ask: '1' } : {}) })
  history.replaceState(null, '', query === '' ? '/' : `#${state.toString()}`)
  document.title = query === '' ? 'Nearfield' : `${query} · Nearfield`
}

async function run(query: string, action: Action): Promise<void> {
  if (connection === undefined) return
  const number = ++latest
  clearTimeout(typing)
  remember(query, action)
  lastSearched = action === 'search' ? query : ''
  more.hidden = true
  if (query === '') {
    clearOutcome()
    say('')
    return
  }
  document.body.classList.add('busy')
  outcome.setAttribute('aria-busy', 'true')
  try {
    if (action === 'search') await search(connection, query, number)
    else await ask(connection, query, number)
  } catch (error) {
    if (number !== latest) return
    clearOutcome()
    sayFault(error)
  } finally {
    if (number === latest) {
      document.body.classList.remove('busy')
      outcome.removeAttribute('aria-busy')
    }
  }
}

async function search({ client, collection }: Connection, query: string, number: number): Promise<void> {
  const result = await client.search(collection, { query, limit: PAGE_SIZE })
  if (number !== latest) return
  clearOutcome()
  showHits(result.hits, { append: false })
  say(
    result.hits.length === 0
      ? 'Nothing found.'
      : `Passages from about ${plural(result.estimatedTotal, 'document')} · ${duration(result.tookMs)}`,
  )
  offerMore(query, result.nextCursor)
}

/** What the button at the end would fetch. */
let nextPage: { readonly query: string; readonly cursor: string } | undefined

function offerMore(query: string, cursor: string | null): void {
  nextPage = cursor === null ? undefined : { query, cursor }
  more.hidden = cursor === null
}

async function showMore(): Promise<void> {
  if (connection === undefined || nextPage === undefined) return
  const { client, collection } = connection
  const { query, cursor } = nextPage
  const number = latest
  more.disabled = true
  try {
    const result = await client.search(collection, { query, limit: PAGE_SIZE, cursor })
    if (number !== latest) return
    showHits(result.hits, { append: true })
    offerMore(query, result.nextCursor)
  } catch (error) {
    sayFault(error)
  } finally {
    more.disabled = false
  }
}

async function ask({ client, collection }: Connection, question: string, number: number): Promise<void> {
  const startedMs = performance.now()
  const path = `/v1/collections/${encodeURIComponent(collection)}/answers`
  const answer = await client.request<ShownAnswer>('POST', path, { question })
  if (number !== latest) return
  clearOutcome()
  showAnswer(answer)
  const took = duration(performance.now() - startedMs)
  say(answer.abstained ? `No answer · ${took}` : `${plural(answer.citations.length, 'citation')} · ${took}`)
}

/** Nothing that still runs may show itself under the form. */
function stopRuns(): void {
  latest++
  clearTimeout(typing)
  document.body.classList.remove('busy')
  outcome.removeAttribute('aria-busy')
  more.hidden = true
  clearOutcome()
  say('')
}

function openFirst(): void {
  findConnection()
    .then(useConnection)
    .catch(() => useConnection(undefined))
}

function useConnection(found: Connection | undefined): void {
  connection = found
  connectForm.hidden = found !== undefined
  form.hidden = found === undefined
  examples.hidden = !(found?.isDemo ?? false)
  where.hidden = found === undefined
  cancel.hidden = true
  forget.hidden = true
  if (found === undefined) {
    connectForm.querySelector('input')?.focus()
    return
  }
  byId('where-text', HTMLSpanElement).textContent = found.isDemo
    ? `Searching “${found.collection}”, this server’s own documentation.`
    : `Searching “${found.collection}”.`
  const state = new URLSearchParams(location.hash.slice(1))
  input.value = state.get('q') ?? ''
  input.focus()
  if (input.value !== '') void run(input.value.trim(), state.has('ask') ? 'ask' : 'search')
}

function listenToForm(): void {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const { submitter } = event
    const action = submitter instanceof HTMLButtonElement && submitter.value === 'ask' ? 'ask' : 'search'
    void run(input.value.trim(), action)
  })
  input.addEventListener('input', (event) => {
    clearTimeout(typing)
    const query = input.value.trim()
    // While a word is being composed (Japanese, Chinese, …) the text is not what is meant yet.
    if (event instanceof InputEvent && event.isComposing) return
    typing = setTimeout(() => {
      if (query !== lastSearched) void run(query, 'search')
    }, TYPING_PAUSE_MS)
  })
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) {
      event.preventDefault()
      void run(input.value.trim(), 'ask')
    } else if (event.key === 'Escape' && input.value !== '') {
      input.value = ''
      void run('', 'search')
    } else if (event.key === 'ArrowDown') {
      document.querySelector<HTMLElement>('.hit')?.focus()
    }
  })
}

function listenToKeys(): void {
  document.addEventListener('keydown', (event) => {
    const { target } = event
    if (target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === '/') {
      event.preventDefault()
      input.focus()
      input.select()
      return
    }
    if (!(target instanceof HTMLElement) || !target.classList.contains('hit')) return
    const next = event.key === 'ArrowDown' ? target.nextElementSibling : target.previousElementSibling
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    event.preventDefault()
    if (next instanceof HTMLElement) next.focus()
    else if (event.key === 'ArrowUp') input.focus()
  })
}

function listenToConnection(): void {
  const fault = byId('connect-fault', HTMLParagraphElement)
  connectForm.addEventListener('submit', (event) => {
    event.preventDefault()
    const fields = new FormData(connectForm)
    const read = (name: string): string => {
      const value = fields.get(name)
      return typeof value === 'string' ? value.trim() : ''
    }
    fault.hidden = true
    makeConnection(read('key'), read('collection'))
      .then(useConnection)
      .catch((error: unknown) => {
        fault.textContent = connectFault(error)
        fault.hidden = false
      })
  })
  byId('change', HTMLButtonElement).addEventListener('click', () => {
    if (connection === undefined) return
    const kept = connection
    stopRuns()
    useConnection(undefined)
    fault.hidden = true
    before = kept
    cancel.hidden = false
    forget.hidden = kept.isDemo
  })
  const goBack = (): void => {
    if (connection === undefined && before !== undefined) useConnection(before)
  }
  cancel.addEventListener('click', goBack)
  connectForm.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') goBack()
  })
  forget.addEventListener('click', () => {
    forgetConnection()
    before = undefined
    openFirst()
  })
}

for (const example of EXAMPLES) {
  const button = element('button', { type: 'button' }, example)
  button.addEventListener('click', () => {
    input.value = example
    void run(example, example.endsWith('?') ? 'ask' : 'search')
  })
  examples.append(button)
}
more.addEventListener('click', () => void showMore())
listenToForm()
listenToKeys()
listenToConnection()
openFirst()
