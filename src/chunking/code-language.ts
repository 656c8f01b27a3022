/** Which language is this code written in, and what do its comments, strings and definitions look like? */

/** How definitions are found to end: by brackets, by indentation, or by semicolons. */
type Family = 'brackets' | 'indentation' | 'statements'

export interface CodeLanguage {
  readonly family: Family
  /** Begin a comment that ends with its line. */
  readonly lineComments: readonly string[]
  /** Whether such a comment must follow white space. */
  readonly looseComments?: boolean
  readonly blockComments: readonly (readonly [string, string])[]
  /** Quotes of strings that may go on over lines; longest first. */
  readonly longQuotes: readonly string[]
  /** Quotes of strings that end with their line at the latest. */
  readonly quotes: readonly string[]
  /** `backslash` or the quote itself, doubled, stands for a quote in a string. */
  readonly escape: 'backslash' | 'doubled'
  readonly peculiarities: ReadonlySet<'templates' | 'lifetimes' | 'heredocs' | 'dollarQuotes' | 'rawStrings'>
  /** What opens a definition, tested on a line's first characters without its indentation. */
  readonly definition: RegExp
  /** Whether `name(…) {` is a definition without a word that says so. */
  readonly bareMethods: boolean
  /** Lines that belong to what stands before them. */
  readonly continuation: RegExp
  /** Lines that belong to what follows: decorators and attributes, besides comments. */
  readonly lead: RegExp
}

/** Modifiers, then a word that says what is defined; or a function or class that is given a name. */
const BRACKET_DEFINITION =
  /^(?:(?:export|default|public|private|protected|internal|static|final|abstract|sealed|async|declare|override|virtual|inline|unsafe|open|data|partial|constexpr|suspend|fileprivate|mutating|pub|pub\(crate\)|pub\(super\)) )*(?:(?:function|class|interface|struct|enum|trait|impl|fn|func|fun|type|namespace|module|mod|union|record|object|protocol|extension|actor|template|def)(?:[ *]+[\w$<(['"]|<)|(?:const|let|var) +[\w$]+(?: *:[^=]{1,80})? *= *(?:async *)?(?:function\b|class\b|[\w$]+ *=>|\())/
const BRACKET_LEAD = /^(?:@[\w.]|#\[|\[[A-Z]\w*(?:\(.*\))?\]$)/
const BRACKET_CONTINUATION = /^(?:[)}\]{,.;?:&|+]|(?:else|catch|finally|where|extends|implements)\b)/

const C_LIKE: CodeLanguage = {
  family: 'brackets',
  lineComments: ['//'],
  blockComments: [['/*', '*/']],
  longQuotes: ['"""'],
  quotes: ['"', "'"],
  escape: 'backslash',
  peculiarities: new Set(),
  definition: BRACKET_DEFINITION,
  bareMethods: true,
  continuation: BRACKET_CONTINUATION,
  lead: BRACKET_LEAD,
}
const C: CodeLanguage = { ...C_LIKE, longQuotes: [], peculiarities: new Set(['rawStrings']) }
const JAVASCRIPT: CodeLanguage = { ...C_LIKE, longQuotes: [], peculiarities: new Set(['templates']) }
const GO: CodeLanguage = { ...C_LIKE, longQuotes: ['`'] }
const RUST: CodeLanguage = {
  ...C_LIKE,
  longQuotes: ['"'],
  quotes: [],
  peculiarities: new Set(['lifetimes', 'rawStrings']),
}
const PHP: CodeLanguage = {
  ...C_LIKE,
  lineComments: ['//', '#'],
  longQuotes: ['"', "'"],
  quotes: [],
  peculiarities: new Set(['heredocs']),
}
const CSHARP: CodeLanguage = { ...C_LIKE, peculiarities: new Set(['rawStrings']) }

const PYTHON: CodeLanguage = {
  family: 'indentation',
  lineComments: ['#'],
  blockComments: [],
  longQuotes: ['"""', "'''"],
  quotes: ['"', "'"],
  escape: 'backslash',
  peculiarities: new Set(),
  definition: /^(?:async +)?(?:def|class) +\w/,
  bareMethods: false,
  continuation: /^(?:[)}\]]|(?:else|elif|except|finally)\b)/,
  lead: /^@[\w.]/,
}
const RUBY: CodeLanguage = {
  ...PYTHON,
  blockComments: [['\n=begin', '\n=end']],
  longQuotes: [],
  peculiarities: new Set(['heredocs']),
  definition: /^(?:(?:private|public|protected) +)?(?:local +)?(?:def|class|module|defmodule|defp|function) +[\w:.]/,
  continuation: /^(?:[)}\]]|(?:end|else|elsif|elseif|rescue|ensure|when|in|then)\b)/,
  lead: /^@(?:doc|spec|moduledoc)\b/,
}
const LUA: CodeLanguage = { ...RUBY, lineComments: ['--'], blockComments: [['--[[', ']]']], peculiarities: new Set() }
const SHELL: CodeLanguage = {
  ...PYTHON,
  looseComments: true,
  longQuotes: ['"', "'"],
  quotes: [],
  peculiarities: new Set(['heredocs']),
  definition: /^(?:function +[\w:.-]+|[\w:.-]+ *\( *\))/,
  continuation: /^(?:[)}\]{]|;;|(?:fi|done|esac|else|elif|then|do)\b)/,
  lead: /^$(?!$)/,
}
const YAML: CodeLanguage = {
  ...PYTHON,
  looseComments: true,
  longQuotes: [],
  quotes: [],
  definition: /^["']?[\w./$-][\w ./$-]*["']?:(?: |$)/,
  continuation: /^[)}\]]/,
  lead: /^$(?!$)/,
}
const SQL: CodeLanguage = {
  ...PYTHON,
  family: 'statements',
  lineComments: ['--'],
  blockComments: [['/*', '*/']],
  longQuotes: ["'", '"'],
  quotes: [],
  escape: 'doubled',
  peculiarities: new Set(['dollarQuotes']),
  definition: /^[A-Za-z]/,
  continuation: /^$(?!$)/,
  lead: /^$(?!$)/,
}

/** By the ending of a file or the name in front of a fenced block. */
const BY_NAME: ReadonlyMap<string, CodeLanguage> = new Map(
  (
    [
      [JAVASCRIPT, 'js mjs cjs jsx ts mts cts tsx javascript typescript'],
      [C, 'c h cc cpp cxx hpp hh m mm c++ objc'],
      [C_LIKE, 'java kt kts kotlin swift scala dart groovy css scss less'],
      [CSHARP, 'cs csharp c#'],
      [GO, 'go golang'],
      [RUST, 'rs rust'],
      [PHP, 'php'],
      [PYTHON, 'py pyi python python3'],
      [RUBY, 'rb ruby ex exs elixir'],
      [LUA, 'lua'],
      [SHELL, 'sh bash zsh ksh shell'],
      [YAML, 'yaml yml'],
      [SQL, 'sql psql mysql sqlite plsql'],
    ] as const
  ).flatMap(([language, names]) => names.split(' ').map((name) => [name, language] as const)),
)

/** How much of a text is looked at to guess its language. */
const SAMPLE = 4_000

/** The language of that name or file ending, in any case; `undefined` for one that is cut like prose. */
export function languageNamed(name: string): CodeLanguage | undefined {
  return BY_NAME.get(name.toLowerCase())
}

/** By the endings of the names, the first that says something, else by what the code looks like. */
export function languageOf(names: readonly (string | undefined)[], text: string): CodeLanguage | undefined {
  for (const name of names) {
    // Parts of a file are called after it: `main.rs/part-2`.
    const ending = /\.([\w+#]{1,12})(?:\/[^/.]{1,40})?$/.exec((name ?? '').slice(-200))?.[1]
    const language = ending === undefined ? undefined : languageNamed(ending)
    if (language !== undefined) return language
  }
  return guessLanguage(text)
}

/** `undefined` where nothing speaks for any language. */
export function guessLanguage(text: string): CodeLanguage | undefined {
  const lines = text.slice(0, SAMPLE).split('\n')
  const share = (pattern: RegExp): number => lines.filter((line) => pattern.test(line.slice(0, 200))).length
  const [first = ''] = lines
  if (/^#!.{0,60}sh\b/.test(first)) return SHELL
  if (/^#!.{0,60}python/.test(first)) return PYTHON
  if (/^#!.{0,60}ruby/.test(first)) return RUBY
  if (first.startsWith('<?php')) return PHP
  if (share(/^ *(?:async +def|def|class) [^{]*: *(?:#.*)?$/) > 0) return PYTHON
  if (share(/^ *end$/) > 0 && share(/^ *(?:def|class|module) /) > 0) return RUBY
  if (share(/^(?:CREATE|SELECT|INSERT|UPDATE|DELETE|ALTER|DROP|WITH) /i) > 0 && share(/; *$/) > 0) return SQL
  if (share(/^ *(?:pub )?(?:fn|impl|struct|mod) /) > 0 && share(/[{}] *$/) > 0) return RUST
  if (share(/^(?:func|package) /) > 0 && share(/[{}] *$/) > 0) return GO
  if (share(/^ *(?:import|export|const|let|function|async) /) > 0 && share(/[{};,] *$/) > 0) return JAVASCRIPT
  return share(/[{};] *$/) * 4 > lines.length ? C_LIKE : undefined
}
