/** Which of the text formats a text is in, told by its beginning; the name breaks ties. */
import { guessTable } from './delimited.ts'
import type { FileFormat } from './file-format.ts'
import { jsonStart } from './json-start.ts'

const CODE_ENDINGS = new Set(
  `asm astro bash bat bicep c cc cfg clj cljs cmake cmd coffee conf cpp cs css cxx dart diff el elm erl ex exs f90 fish fs fsx gd go
  gradle graphql groovy h hcl hh hpp hrl hs ini java jl js jsx kt kts less lisp lua m makefile mjs cjs cts mts mm ml mli nim nix
  pas patch php pl pm proto ps1 py pyi pyx r rb rkt rs sass scala scm scss sh sol sql svelte swift tcl tf toml ts tsx v vb vhd
  vue wat xml xsd xsl xslt yaml yml zig zsh properties env gitignore dockerfile`.split(/\s+/),
)
const CODE_NAMES = new Set(
  'dockerfile makefile gnumakefile rakefile gemfile jenkinsfile vagrantfile procfile justfile brewfile'.split(' '),
)
const MARKDOWN_ENDINGS = new Set(['md', 'markdown', 'mdown', 'mkd', 'mdx', 'mdwn', 'qmd', 'rmd'])
const HTML_ENDINGS = new Set(['html', 'htm', 'xhtml', 'xht'])
const JSON_LINES_ENDINGS = new Set(['jsonl', 'ndjson', 'ldjson'])
/** Names that say "text": only strong marks make something else of it. */
const TEXT_ENDINGS = new Set(['txt', 'text', 'log', 'rst', 'adoc', 'asciidoc', 'org', 'tex'])

/** The last segment's ending, in lower case and without its dot. */
export function endingOf(name: string): string {
  const segment = name.slice(name.lastIndexOf('/') + 1)
  const dot = segment.lastIndexOf('.')
  return dot === -1 ? '' : segment.slice(dot + 1).toLowerCase()
}

function isCodeName(name: string): boolean {
  return CODE_ENDINGS.has(endingOf(name)) || CODE_NAMES.has(name.slice(name.lastIndexOf('/') + 1).toLowerCase())
}

/** `undefined`: a text, but none to read, such as a drawing. */
export function textFormat(text: string, name: string, isWhole: boolean): FileFormat | undefined {
  const ending = endingOf(name)
  const start = text.trimStart()
  if (start === '') return ending === 'csv' || ending === 'tsv' ? ending : 'text'
  if (/^(?:<\?xml[^>]{0,500}\?>\s*)?(?:<!--[^>]{0,500}-->\s*)?(?:<!doctype svg[^>]{0,500}>\s*)?<svg[\s>]/i.test(start))
    return undefined
  return (
    captions(start) ??
    mail(text, start, ending) ??
    markup(start, ending, name) ??
    records(start, ending, isWhole, name) ??
    byName(text, start, ending, name, isWhole) ??
    (isMarkdown(text) && ending === ''
      ? 'markdown'
      : (table(text, isWhole) ?? (isMarkdown(text) ? 'markdown' : 'text')))
  )
}

function captions(start: string): FileFormat | undefined {
  if (/^WEBVTT(?:[ \t][^\n]*)?(?:\n|$)/.test(start)) return 'vtt'
  return /^\d+[ \t]*\n+[ \t]*\d{1,3}:\d{2}:\d{2}[,.]\d{1,3}[ \t]*-->/.test(start) ? 'srt' : undefined
}

/** Headers that only mail has, and those that every letter begins with. */
const MAIL_ONLY = /^(?:received|message-id|mime-version|return-path|delivered-to|dkim-signature|x-mailer|content-type)$/
const LETTER = /^(?:from|to|cc|subject|date|reply-to|sender)$/

function mail(text: string, start: string, ending: string): FileFormat | undefined {
  const envelope = /^From [^\n]{1,300}\d{4}[^\n]{0,20}\n/.exec(text)
  if (envelope !== null && headersOf(text.slice(envelope[0].length)).length >= 2) return 'mbox'
  const headers = headersOf(start)
  const own = headers.filter((header) => MAIL_ONLY.test(header)).length
  const letters = new Set(headers.filter((header) => LETTER.test(header))).size
  if (ending === 'eml' || ending === 'mht' || ending === 'mhtml') return own + letters > 0 ? 'eml' : undefined
  return (own >= 1 && letters >= 2) || own >= 3 ? 'eml' : undefined
}

/** Names of the header lines with which a text begins, in lower case; none where one line is something else. */
function headersOf(text: string): string[] {
  const headers: string[] = []
  for (const line of text.split('\n', 200)) {
    if (line === '') break
    if (/^[ \t]/.test(line) && headers.length > 0) continue
    const name = /^([A-Za-z][A-Za-z0-9-]{0,60}):(?:[ \t]|$)/.exec(line)?.[1]
    if (name === undefined) return []
    headers.push(name.toLowerCase())
  }
  return headers
}

function markup(start: string, ending: string, name: string): FileFormat | undefined {
  if (!start.startsWith('<')) return undefined
  const content = start.replace(/^(?:<\?xml[^>]{0,500}\?>|<!--[\s\S]{0,20000}?-->|<\?[^>]{0,500}\?>|\s+)+/, '')
  if (/^<!doctype\s+html\b/i.test(content) || /^<(?:html|head|body)[\s>]/i.test(content)) return 'html'
  if (start.startsWith('<?php') || isCodeName(name)) return 'code'
  if (HTML_ENDINGS.has(ending)) return 'html'
  if (/^(?:<\?xml|<!doctype\s)/i.test(start)) return 'code'
  if (MARKDOWN_ENDINGS.has(ending)) return undefined
  const tags =
    start.match(/<(?:p|div|h[1-6]|ul|ol|li|table|tr|td|a|br|span|section|article|meta|title)[\s>/]/gi)?.length ?? 0
  const isPage = /^<(?:p|div|h[1-6]|ul|ol|table|section|article|main|meta|title|script|style|center)[\s>]/i.test(start)
  return isPage && tags >= 3 && !TEXT_ENDINGS.has(ending) ? 'html' : undefined
}

function records(start: string, ending: string, isWhole: boolean, name: string): FileFormat | undefined {
  const named = JSON_LINES_ENDINGS.has(ending)
    ? 'jsonl'
    : ending === 'json' || ending === 'geojson'
      ? 'json'
      : undefined
  if (isCodeName(name) || MARKDOWN_ENDINGS.has(ending)) return undefined
  const found = /^[[{]/.test(start) ? jsonStart(start, isWhole) : undefined
  if (found === undefined) return named
  if (found.values > 1) return 'jsonl'
  // One value on one line may be either; one over several lines is no JSON lines.
  return named === 'jsonl' && !found.isSpread ? 'jsonl' : found.isSure || named !== undefined ? 'json' : undefined
}

function byName(text: string, start: string, ending: string, name: string, isWhole: boolean): FileFormat | undefined {
  if (MARKDOWN_ENDINGS.has(ending)) return 'markdown'
  if (ending === 'csv' || ending === 'tsv' || ending === 'tab') {
    const delimiter = guessTable(text, isWhole)?.delimiter
    return delimiter === undefined ? (ending === 'csv' ? 'csv' : 'tsv') : delimiter === '\t' ? 'tsv' : 'csv'
  }
  if (isCodeName(name) || start.startsWith('#!')) return 'code'
  return undefined
}

/** Rows, columns and regularity that no prose has. */
const MIN_TABLE_ROWS = 5
const MIN_TABLE_COLUMNS = 3
const MAX_CELL_LENGTH = 60

function table(text: string, isWhole: boolean): FileFormat | undefined {
  const guess = guessTable(text, isWhole)
  if (guess === undefined || guess.rows.length < MIN_TABLE_ROWS || guess.regularity < 1) return undefined
  const isTab = guess.delimiter === '\t'
  if (guess.columns < (isTab ? 2 : MIN_TABLE_COLUMNS)) return undefined
  const cells = guess.rows.flat()
  const length = cells.reduce((sum, cell) => sum + cell.length, 0)
  // Prose has a space behind its commas; markdown's tables have them around every bar.
  const spaced = cells.filter((cell) => cell.startsWith(' ')).length
  if (length > cells.length * MAX_CELL_LENGTH || spaced * 2 > cells.length) return undefined
  return isTab ? 'tsv' : 'csv'
}

/** Front matter, or two different marks of which one is a heading. */
function isMarkdown(text: string): boolean {
  if (/^---[ \t]*\n(?:[\w-]+:[^\n]*\n|[ \t][^\n]*\n|\n){1,200}?---[ \t]*\n/.test(text)) return true
  const headings = text.match(/^#{1,6} [^\n]+$/gm)?.length ?? 0
  const others = [
    /^```/m,
    /\[[^\]\n]{1,200}\]\([^)\s]{1,500}\)/,
    /^[*-] \S/m,
    /\*\*[^*\n]{1,200}\*\*/,
    /^\|.+\|[ \t]*\n\|[ :|-]+\|/m,
  ]
  return headings >= 1 && others.filter((mark) => mark.test(text)).length >= (headings >= 2 ? 1 : 2)
}
