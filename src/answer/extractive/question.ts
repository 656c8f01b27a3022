/** What does a question ask for? Its content words with weights, its names, and the kind of thing an answer must hold. */
import { foldMarks } from '../../text/fold.ts'
import { isFunctionWord } from '../../text/function-words.ts'
import { term } from '../../text/stem.ts'
import { words } from '../../text/words.ts'

/** What an answer has to contain; `open` for questions that any sentence may answer. */
export type Cue = 'person' | 'time' | 'place' | 'number' | 'reason' | 'open'

export interface QuestionWord {
  readonly word: string
  readonly term: string
  /** Capitalised inside the question, or with a digit: an answer about another name is no answer. */
  readonly isName: boolean
}

export interface Question {
  readonly text: string
  readonly language: string
  readonly words: readonly QuestionWord[]
  readonly cue: Cue
  /** Asks for steps or a list, so that several sentences may answer. */
  readonly isBroad: boolean
}

const CUES: readonly (readonly [Cue, RegExp])[] = [
  [
    'number',
    /\b(?:how (?:many|much|long|far|high|tall|old|big|large|heavy|deep|wide|fast|hot|cold|often|early|late|strong)|wie ?viele?|wie (?:lange|hoch|gro(?:ß|ss)|schwer|alt|weit|oft|schnell)|combien|cu[aá]nt[oa]s?|quant[io]|what (?:percentage|number|price|is the (?:price|cost|size|length|height|weight|maximum|minimum)))\b/i,
  ],
  ['number', /\b(?:what|how much) (?:does|do|did|will|would) .{1,80} costs?\b/i],
  ['time', /\b(?:when|(?:what|which) (?:year|date|day|time|month|century)|wann|quand|cu[aá]ndo|quando)\b/i],
  ['person', /\b(?:who|whom|whose|wer|wem|wen|wessen|qui|qui[eé]n(?:es)?|chi)\b/i],
  ['place', /\b(?:where|(?:what|which) (?:city|country|town|place)|wo|woher|wohin|où|d[oó]nde|dove|onde)\b/i],
  ['reason', /\b(?:why|warum|wieso|weshalb|pourquoi|por ?qu[eé]|perch[eé])\b/i],
]

/** Words that ask, and words too general to tell one answer from another; they must not stand in an answer. */
const ASKING = new Set(
  `who whom whose what which when where why how many much long far often please tell me give explain describe list show find know
  want need get does did do is are was were can could should would will may might must has have had there any some kind type sort
  mean happen`.split(/\s+/),
)

/** Reads a question whose words are compared in `language`'s term space. */
export function readQuestion(text: string, language: string): Question {
  const found: QuestionWord[] = []
  const seen = new Set<string>()
  const all = words(text)
  const stopLanguage = language === 'und' ? 'en' : language
  for (const [index, { text: word, start, end }] of all.entries()) {
    const folded = foldMarks(word)
    if (isFunctionWord(folded, stopLanguage) || (stopLanguage === 'en' && ASKING.has(folded))) continue
    const key = term(word, language)
    if (seen.has(key)) continue
    seen.add(key)
    const spelled = text.slice(start, end)
    const isCapital = index > 0 && /^\p{Lu}/u.test(spelled) && language !== 'de'
    found.push({ word, term: key, isName: isCapital || /\p{N}/u.test(spelled) })
  }
  const cue = CUES.find(([, pattern]) => pattern.test(text))?.[0] ?? 'open'
  const isBroad =
    /^\W*(?:how (?:do|can|should|to|does)|what (?:are|should|can|do|items|steps)|which .*s\b|why|list|wie (?:kann|kan|soll)|comment|c[oó]mo|come)\b/i.test(
      text,
    )
  return { text, language, words: found, cue, isBroad: isBroad && cue !== 'number' }
}

const MONTHS =
  'jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t|tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|januar|februar|märz|mai|juni|juli|oktober|dezember'
const TIME = new RegExp(
  String.raw`\b(?:1\d{3}|20\d{2})\b|\b\d{1,2}[:.]\d{2}\b|\b(?:${MONTHS})\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:after|before|until|every|within|during|nach|vor|bis)\b|\b(?:second|minute|hour|day|night|week|month|year|century|centurie)s?\b|\b(?:morning|noon|evening|midnight|spring|summer|autumn|winter|today|daily|weekly|monthly)\b`,
  'i',
)
const NUMBER_WORDS =
  /\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|million|half|third|quarter|dozen|once|twice|free|daily|weekly|monthly|yearly|ein(?:e|en)?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|deux|trois|quatre|cinq|dos|tres|cuatro|cinco)\b/i
const NAME = /(?<=[\p{Ll}\p{N},;:)]["']?\s)\p{Lu}\p{L}+|\p{Lu}[\p{L}.]+ (?:\p{Lu}[\p{L}.]+|van|von|de)\b/u
const ROLE =
  /\b(?:admin|owner|user|member|manager|employee|customer|director|author|founder|chair|president|captain|parent|team|compan|council|people|anyone|everyone|everybody|only|we|you|they|he|she)/i
const PLACE =
  /\b(?:in|at|on|near|under|between|from|to|by|behind|beside|inside|outside|bei|im|am|auf|zu|dans|en|à|chez|a|nel|nella)\b/i
const REASON =
  /\b(?:because|since|so that|due to|as|therefore|otherwise|to avoid|in order|reason|would|could|cause[sd]?|weil|damit|denn|parce que|car|porque|perché)\b|:/i

const HOLDS: Readonly<Record<Cue, (text: string) => boolean>> = {
  number: (text) => /\p{N}/u.test(text) || NUMBER_WORDS.test(text),
  time: (text) => TIME.test(text),
  person: (text) => NAME.test(text) || ROLE.test(text),
  place: (text) => PLACE.test(text) || NAME.test(text),
  reason: (text) => REASON.test(text),
  open: () => true,
}

/** Whether a text holds what the question asks for; always for open questions. */
export function holdsCue(text: string, cue: Cue): boolean {
  return HOLDS[cue](text)
}
