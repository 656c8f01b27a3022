/** Shows what the server answered: hits with their highlights, and answers whose citations lead to the quoted passage. */
import type { AnswerResult, Citation, FilePlace, Hit } from '../client/client.ts'
import { headingsBelow, placeInWords } from '../client/place.ts'
import { byId, element, passage, safeLink } from './elements.ts'
import type { Span } from './elements.ts'
import { decorations, repeatedHeading } from './markup.ts'
import { reflow } from './reflow.ts'

const hitsList = byId('hits', HTMLOListElement)
const answerCard = byId('answer', HTMLElement)

/** What the page reads of an answer; `hits` are the passages that it was made from. */
export interface ShownAnswer extends AnswerResult {
  readonly hits?: readonly Hit[]
  readonly grounding?: {
    readonly sentences?: readonly { readonly text: string; readonly citations: readonly unknown[] }[]
  }
}

export function clearOutcome(): void {
  answerCard.replaceChildren()
  answerCard.hidden = true
  hitsList.replaceChildren()
}

export function showHits(hits: readonly Hit[], options: { readonly append: boolean }): void {
  const cards = hits.map((hit) => hitCard(hit, hit.highlights))
  if (options.append) hitsList.append(...cards)
  else hitsList.replaceChildren(...cards)
}

/** Shows an answer above the passages that it quotes. */
export function showAnswer(answer: ShownAnswer): void {
  const { citations, hits = [] } = answer
  answerCard.hidden = false
  if (answer.abstained) {
    answerCard.replaceChildren(
      element('p', { class: 'silent' }, 'Nothing in this collection answers that.'),
      element('p', { class: 'note' }, 'The nearest passages are below.'),
    )
  } else {
    answerCard.replaceChildren(
      said(answer),
      element(
        'ol',
        { class: 'sources', 'aria-label': 'Sources' },
        ...citations.map((citation, i) => source(citation, i, hits)),
      ),
      element('p', { class: 'note' }, 'Quoted word for word; each quote was checked against its document.'),
    )
  }
  hitsList.replaceChildren(...hits.map((hit) => hitCard(hit, [...quotesIn(hit, citations), ...hit.highlights])))
}

const quotesIn = (hit: Hit, citations: readonly Citation[]): Span[] =>
  citations
    .filter(({ chunkId }) => chunkId === hit.id)
    .map(({ start, end }) => ({
      start: Math.max(start - hit.start, 0),
      end: Math.min(end - hit.start, hit.text.length),
      className: 'quote',
    }))

/** The answer's sentences, each followed by the numbers of its citations. */
function said(answer: ShownAnswer): HTMLElement {
  const paragraph = element('p', { class: 'said' })
  const sentences = answer.grounding?.sentences ?? []
  if (sentences.length === 0) {
    paragraph.append(answer.answer, ...answer.citations.map((citation, i) => citeLink(citation, i)))
    return paragraph
  }
  for (const { text, citations } of sentences) {
    paragraph.append(...passage(reflow(text), [], decorations(text)))
    for (const index of citations) {
      const citation = typeof index === 'number' ? answer.citations[index] : undefined
      if (typeof index === 'number' && citation !== undefined) paragraph.append(citeLink(citation, index))
    }
    paragraph.append(' ')
  }
  return paragraph
}

function source(citation: Citation, index: number, hits: readonly Hit[]): HTMLElement {
  const { title, documentId, url, chunkId } = citation
  const { headings = hits.find(({ id }) => id === chunkId)?.headings ?? [], sheet } = citation
  const section = headingsBelow(title, { headings, ...(sheet === undefined ? {} : { sheet }) }).join(' › ')
  const link = safeLink(url)
  const name = title ?? documentId
  return element(
    'li',
    {},
    citeLink(citation, index),
    element(
      'span',
      {},
      link === undefined ? name : element('a', { href: link, rel: 'noopener' }, name),
      element('span', { class: 'section' }, section === '' ? '' : ` › ${section}`),
      ...placeOf(citation),
    ),
  )
}

/** Where in its file a passage stands, in a tag of its own. */
function placeOf(passage: FilePlace): HTMLElement[] {
  const place = placeInWords(passage)
  return place === '' ? [] : [element('span', { class: 'place' }, place)]
}

const hitElementId = (chunkId: string): string => `hit-${encodeURIComponent(chunkId)}`

function citeLink(citation: Citation, index: number): HTMLElement {
  const id = hitElementId(citation.chunkId)
  const link = element(
    'a',
    {
      class: 'cite',
      href: `#${id}`,
      'aria-label': `Source ${index + 1}`,
      title: citation.title ?? citation.documentId,
    },
    String(index + 1),
  )
  link.addEventListener('click', (event) => {
    // The hash holds the query; the passage is shown without touching it.
    event.preventDefault()
    showPassage(id, citation.quote)
  })
  return link
}

function showPassage(id: string, quote: string): void {
  const card = document.getElementById(id)
  if (card === null) return
  const start = quote.replaceAll(/[*`#\s]/g, '')
  const mark = [...card.querySelectorAll('mark.quote')].find(({ textContent }) =>
    start.startsWith(textContent.replaceAll(/\s/g, '')),
  )
  const target = mark ?? card
  target.scrollIntoView({ block: 'center' })
  card.classList.remove('shown')
  // Reading a size makes the browser notice that the class was gone, so that the animation starts anew.
  card.getBoundingClientRect()
  card.classList.add('shown')
  card.focus({ preventScroll: true })
}

function hitCard(hit: Hit, spans: readonly Span[]): HTMLElement {
  const { title, url, documentId, headings = [], text, score } = hit
  const link = safeLink(url)
  const name = title ?? documentId
  const path = headingsBelow(title, hit).join(' › ')
  return element(
    'li',
    { class: 'hit', id: hitElementId(hit.id), tabindex: '-1' },
    element('h2', {}, link === undefined ? name : element('a', { href: link, rel: 'noopener' }, name)),
    element(
      'p',
      { class: 'path' },
      element('meter', {
        min: '0',
        max: '1',
        value: String(Math.min(Math.max(score, 0), 1)),
        title: `Score ${score.toFixed(3)}`,
        'aria-label': `Score ${score.toFixed(2)} of 1`,
      }),
      ...(path === '' ? [] : [element('span', {}, path)]),
      ...placeOf(hit),
      ...(title === undefined ? [] : [element('span', { class: 'file' }, documentId)]),
    ),
    element(
      'p',
      { class: 'text', tabindex: text.length > 1_200 ? '0' : undefined },
      ...passage(reflow(text), spans, [...repeatedHeading(text, headings.at(-1)), ...decorations(text)]),
    ),
  )
}
