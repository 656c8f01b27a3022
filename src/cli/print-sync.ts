/** What `nearfield sync` did or would do, for people: sums, and a table of what failed with what to do about it. */
import type { SyncReport } from './sync.ts'
import type { FileFailure } from './sync-record.ts'
import { bad, bold, count, dim, duration, good, marked, onError, plain, shortened, size, wrapped } from './terminal.ts'

const MAX_LISTED = 40
const MAX_NAME_WIDTH = 44
const WIDTH = 100

export function printSync(report: SyncReport, folder: string, collection: string): void {
  if (report.dryRun) printPlan(report)
  else printOutcome(report, folder, collection)
  printFailures(report.failures)
}

function printPlan(report: SyncReport): void {
  const signs = [
    [good('+'), report.added],
    [marked('~'), report.changed],
    [bad('-'), report.vanished],
  ] as const
  for (const [sign, names] of signs) {
    for (const name of names.slice(0, MAX_LISTED)) console.log(`  ${sign} ${plain(name)}`)
    if (names.length > MAX_LISTED)
      console.log(dim(`    … and ${names.length - MAX_LISTED} more; --json lists them all`))
  }
  const { added, changed, vanished, unchanged } = report
  const sums = [`${added.length} new`, `${changed.length} changed`, `${vanished.length} gone`, `${unchanged} as before`]
  console.log(`${bold(sums.join(', '))} · ${size(report.bytesToSend)} to send`)
  printPassedOver(report)
  console.log(dim('Nothing was sent or deleted: this was a dry run.'))
}

function printOutcome(report: SyncReport, folder: string, collection: string): void {
  const { indexed, documents, chunks, vanished, deletedDocuments, unchanged, seconds } = report
  const made = documents === 0 ? '' : ` (${count(documents, 'document')}, ${count(chunks, 'chunk')})`
  const did = [
    ...(indexed === 0 ? [] : [`${count(indexed, 'file')} sent${made}`]),
    ...(vanished.length === 0
      ? []
      : [`${count(vanished.length, 'file')} gone (${count(deletedDocuments, 'document')} deleted)`]),
    ...(unchanged === 0 ? [] : [`${unchanged.toLocaleString('en')} as before`]),
  ]
  const time = seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds)
  const sign = report.failures.length === 0 ? good('✓') : marked('!')
  const heading = `${plain(folder)} → ${plain(collection)}`
  console.log(`${sign} ${bold(heading)}  ${did.length === 0 ? 'nothing to do' : did.join(', ')}  ${dim(`in ${time}`)}`)
  printPassedOver(report)
}

function printPassedOver({ passedOver }: SyncReport): void {
  if (passedOver > 0) console.log(dim(`  ${count(passedOver, 'file')} of kinds without text passed over`))
}

/** A table: the file, the code, and what to do. */
export function printFailures(failures: readonly FileFailure[]): void {
  if (failures.length === 0) return
  const shown = failures.slice(0, MAX_LISTED).map(({ name, code, detail }) => ({
    name: shortened(plain(name).replaceAll(/\s+/g, ' '), MAX_NAME_WIDTH),
    code: plain(code),
    detail: plain(detail),
  }))
  const nameWidth = Math.max(...shown.map(({ name }) => name.length), 'file'.length)
  const codeWidth = Math.max(...shown.map(({ code }) => code.length), 'why'.length)
  const room = Math.max(30, Math.min(process.stderr.columns ?? WIDTH, 140) - nameWidth - codeWidth - 6)
  const line = (name: string, code: string, detail: string): string =>
    `  ${name.padEnd(nameWidth)}  ${code.padEnd(codeWidth)}  ${detail}`
  console.error(`\n${onError.bad('✗')} ${onError.bold(`${count(failures.length, 'file')} failed`)}\n`)
  console.error(onError.dim(line('file', 'why', 'what to do')))
  for (const { name, code, detail } of shown) {
    const [first = '', ...rest] = wrapped(detail, room)
    console.error(line(name, onError.marked(code) + ' '.repeat(codeWidth - code.length), first))
    for (const more of rest) console.error(line('', '', more))
  }
  if (failures.length > MAX_LISTED)
    console.error(onError.dim(`  … and ${failures.length - MAX_LISTED} more; --json lists them all`))
}
