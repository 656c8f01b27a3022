/** Subtitles as text: one block with its times for each cue. What rolling captions repeat is said once. */
import type { OutlineBlock } from '../chunking/document-text.ts'
import { MAX_RECORD_BYTES } from '../core/limits.ts'
import { FileFault } from './file-fault.ts'
import { readText } from './file-text.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'

interface Cue {
  /** Seconds. */
  readonly startTime: number
  endTime: number
  readonly lines: readonly string[]
}

const TIMING =
  /^[ \t]*((?:\d{1,4}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?)[ \t]*-->[ \t]*((?:\d{1,4}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?)(?:[ \t].*)?$/
/** Days of talk; each line is in memory at once. */
const MAX_LINES = 500_000
/** Read before others of the isolate get their turn. */
const CUES_PER_TURN = 1_000
const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&nbsp;': ' ',
  '&lrm;': '',
  '&rlm;': '',
}

/** Reads both kinds, srt and vtt: their cues differ in nothing that matters here. @throws FileFault */
export async function* parseSubtitles(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const source = await readText(file)
  const cues = await cuesOf(source, file)
  if (cues.length === 0) throw new FileFault('malformed_file', 'the file has no cue with its times')
  await file.budget.turn()
  const outline: OutlineBlock[] = []
  const texts: string[] = []
  let length = 0
  for (const { startTime, endTime, lines } of spokenOnce(cues)) {
    const text = lines.join('\n')
    outline.push({ start: length, end: length + text.length, kind: 'paragraph', startTime, endTime })
    texts.push(text)
    length += text.length + 1
  }
  if (texts.length > 0) yield { key: '', format: 'extracted', text: texts.join('\n'), outline }
}

/** A cue is the lines from one with times up to an empty line, or up to the next cue where that is missing. */
async function cuesOf(source: string, file: FileToParse): Promise<Cue[]> {
  const cues: Cue[] = []
  checkLines(source)
  const lines = source.split('\n')
  for (let i = 0; i < lines.length; i++) {
    file.budget.step()
    const timing = TIMING.exec(lines[i]!)
    if (timing === null) continue
    const text: string[] = []
    while (i + 1 < lines.length && lines[i + 1]!.trim() !== '' && !isCueAhead(lines, i + 1)) {
      i++
      const line = plainLine(lines[i]!)
      if (line !== '') text.push(line)
    }
    const startTime = seconds(timing[1]!)
    if (cues.length % CUES_PER_TURN === CUES_PER_TURN - 1) await file.budget.turn()
    if (text.length > 0) cues.push({ startTime, endTime: Math.max(startTime, seconds(timing[2]!)), lines: text })
  }
  return cues
}

function checkLines(source: string): void {
  let count = 0
  for (let start = 0, end = 0; end !== -1; start = end + 1, count++) {
    end = source.indexOf('\n', start)
    if ((end === -1 ? source.length : end) - start > MAX_RECORD_BYTES) throw new FileFault('record_too_large')
  }
  if (count > MAX_LINES) throw new FileFault('too_complex', `the subtitles have more than ${MAX_LINES} lines`)
}

/** Times stand in this line, or in the next one under the cue's number. */
const isCueAhead = (lines: readonly string[], at: number): boolean =>
  TIMING.test(lines[at]!) || (/^\s*\d+\s*$/.test(lines[at]!) && TIMING.test(lines[at + 1] ?? ''))

/** Without tags (`<i>`, `<00:01.000>`, `{\an8}`); who speaks (`<v Anna>`) stands before what is said. */
function plainLine(line: string): string {
  return line
    .replace(/<v(?:\.[^ >\t]{0,100})?[ \t]{1,10}([^>]{1,100})>/gi, (_tag, speaker: string) => `${speaker.trim()}: `)
    .replace(/<\/?[a-z0-9][^<>]{0,200}>/gi, '')
    .replace(/\{\\[^{}]{0,100}\}/g, '')
    .replace(/&(?:amp|lt|gt|quot|nbsp|lrm|rlm);/g, (entity) => ENTITIES[entity] ?? '')
    .replace(/[ \t\u00a0]+/g, ' ')
    .trim()
}

function seconds(time: string): number {
  const [second = '0', minute = '0', hour = '0'] = time.replace(',', '.').split(':').reverse()
  return Math.round((Number(hour) * 3_600 + Number(minute) * 60 + Number(second)) * 1_000) / 1_000
}

/** Drops from each cue the lines with which the cue before ended; a cue that says nothing new makes that one longer. */
function spokenOnce(cues: readonly Cue[]): Cue[] {
  const kept: Cue[] = []
  let before: readonly string[] = []
  for (const cue of cues) {
    const repeated = overlap(before, cue.lines)
    const last = kept.at(-1)
    if (last !== undefined && repeated === cue.lines.length) last.endTime = Math.max(last.endTime, cue.endTime)
    else kept.push({ ...cue, lines: cue.lines.slice(repeated) })
    before = cue.lines
  }
  return kept
}

/** How many first lines of `lines` are the last ones of `before`. Cues have a handful of lines. */
function overlap(before: readonly string[], lines: readonly string[]): number {
  for (let count = Math.min(before.length, lines.length, 8); count > 0; count--) {
    if (lines.slice(0, count).every((line, i) => line === before[before.length - count + i])) return count
  }
  return 0
}
