/** Answers of the API for people: hits with marked words, answers with numbered citations, a table of collections. */
import type { AnswerResult, Citation, CollectionInfo, Hit, SearchResult } from '../client/client.ts'
import { headingsBelow, placeInWords } from '../client/place.ts'
import type { AddReport } from './add.ts'
import { modelTable } from './models.ts'
import type { models } from './models.ts'
import { bold, dim, marked, plain } from './terminal.ts'

const SNIPPET_LENGTH = 320
const MAX_FAILURES = 20

/** The part of a hit's text around its first highlight, with the highlights marked. */
function snippet({ text, highlights }: Hit): string {
  const first = highlights[0]?.start ?? 0
  const from = Math.max(0, first - 80)
  const to = Math.min(text.length, from + SNIPPET_LENGTH)
  let shown = from > 0 ? '… ' : ''
  let at = from
  for (const { start, end } of highlights.filter((mark) => mark.start >= from && mark.end <= to)) {
    shown += plain(text.slice(at, start)) + marked(plain(text.slice(start, end)))
    at = end
  }
  return (shown + plain(text.slice(at, to)) + (to < text.length ? ' …' : '')).replaceAll(/\s+/g, ' ')
}

/** The title and the headings above a passage; most pages repeat their title as the first heading. */
export function headingPath(passage: Hit | Citation): string[] {
  const top = passage.title ?? passage.documentId
  return [top, ...headingsBelow(top, passage)]
}

/** Where a passage is to be found: its place in the file, and the file or its address unless the heading says it. */
function whereabouts(passage: Hit | Citation): string {
  const { title, documentId, url } = passage
  const found = url ?? (title === undefined ? '' : documentId)
  return plain([placeInWords(passage), found].filter((part) => part !== '').join(' · '))
}

export function printSearch({ hits, estimatedTotal, tookMs }: SearchResult): void {
  for (const [index, hit] of hits.entries()) {
    console.log(`${index + 1}. ${bold(headingPath(hit).map(plain).join(' › '))}  ${dim(hit.score.toFixed(3))}`)
    console.log(`   ${snippet(hit)}`)
    const where = whereabouts(hit)
    console.log(where === '' ? '' : `   ${dim(where)}\n`)
  }
  console.log(dim(`${hits.length} of about ${estimatedTotal} documents in ${Math.round(tookMs)} ms`))
}

export function printAnswer({ answer, abstained, citations }: AnswerResult): void {
  if (abstained) {
    console.log('The documents do not answer this.')
    return
  }
  console.log(plain(answer))
  for (const [index, citation] of citations.entries()) {
    const where = whereabouts(citation)
    console.log(`\n[${index + 1}] ${bold(headingPath(citation).map(plain).join(' › '))}${where && `  ${dim(where)}`}`)
    console.log(`    “${plain(citation.quote).replaceAll(/\s+/g, ' ')}”`)
  }
}

export function printAdd(report: AddReport): void {
  const counts = (['created', 'replaced', 'indexed', 'unchanged', 'failed'] as const)
    .filter((name) => report[name] > 0)
    .map((name) => `${report[name]} ${name}`)
  console.log(counts.length === 0 ? 'nothing to add' : counts.join(', '))
  const { passedOver } = report
  if (passedOver > 0)
    console.log(dim(`${passedOver} ${passedOver === 1 ? 'file' : 'files'} of kinds without text passed over`))
  for (const { id, source, code, detail } of report.failures.slice(0, MAX_FAILURES)) {
    const where = source === undefined || source === id ? id : `${source}: ${id}`
    console.error(plain(`failed: ${where}: ${code} ${detail}`))
  }
  if (report.failures.length > MAX_FAILURES)
    console.error(`… and ${report.failures.length - MAX_FAILURES} more; --json lists them all`)
}

export function printStatus(url: string, version: string, key: string, collections: readonly CollectionInfo[]): void {
  console.log(`${bold(url)}  ${dim(`version ${version}`)}\nkey ${key}\n`)
  for (const { name, statistics } of collections) {
    const pending = statistics.pending > 0 ? `, ${statistics.pending} pending` : ''
    console.log(`${bold(name)}  ${statistics.documents} documents, ${statistics.chunks} chunks${pending}`)
  }
  if (collections.length === 0) console.log('no collections yet')
}

export function printModels(result: Awaited<ReturnType<typeof models>>): void {
  if ('deleted' in result) {
    console.log(`${bold(plain(result.deleted))} is deleted`)
    return
  }
  for (const [id = '', ...rest] of modelTable('id' in result ? [result] : result)) {
    console.log(`${bold(id)}  ${rest.join('  ').trimEnd()}`)
  }
}

export function printArchive(what: string, documents: number, stateHash: string): void {
  console.log(`${bold(plain(what))}: ${documents} documents`)
  console.log(dim(`state ${stateHash}`))
}
