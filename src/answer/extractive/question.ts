/** What does a question ask for? Its content words with weights, its names, and the kind of thing an answer must hold. */
import { foldMarks } from '../../text/fold.ts'
import { isFunctionWord } from '../../text/function-words.ts'
import { term } from '../../text/stem.ts'
import { words } from '../../text/words.ts'

/** What an answer has to contain; `open` for questions that any sentence may answer. */
export type Cue =
  | 'person'
  | 'time'
  | 'place'
  | 'reason'
  | 'count'
  | 'money'
  | 'duration'
  | 'frequency'
  | 'length'
  | 'weight'
  | 'speed'
  | 'temperature'
  | 'size'
  | 'age'
  | 'open'

export interface QuestionWord {
  readonly word: string
  readonly term: string
  /** Capitalised inside the question, or with a digit: an answer about another name is no answer. */
  readonly isName: boolean
  /** What is to be done in "how do I …": an answer about doing something else is none. */
  readonly isAction: boolean
}

export interface Question {
  readonly text: string
  readonly language: string
  readonly words: readonly QuestionWord[]
  readonly cue: Cue
  /** Asks for steps or a list, so that several sentences may answer. */
  readonly isBroad: boolean
}

/** Looked at in order; the first that the question matches decides. */
const CUES: readonly (readonly [Cue, RegExp])[] = [
  [
    'money',
    /\b(?:costs?|price|priced|fees?|fares?|salary|kosten|kostet|preis|prix|co[uû]te|cuesta|precio|costa|prezzo)\b/i,
  ],
  ['money', /\bhow much (?:money|(?:do|does|did|will|would|must|should) .{1,60}\bpay)\b/i],
  [
    'temperature',
    /\b(?:how (?:hot|cold|warm)|temperature|(?:boiling|melting|freezing) point|wie (?:hei(?:ß|ss)|kalt|warm)|temperatur)\b/i,
  ],
  ['weight', /\b(?:how heavy|weights?|weighs?|wie schwer|gewicht|poids|peso)\b/i],
  ['speed', /\b(?:how fast|speed|wie schnell|geschwindigkeit|vitesse|velocidad)\b/i],
  [
    'length',
    /\b(?:how (?:high|tall|deep|wide|far|thick|broad)|height|width|depth|distance|wingspan|wie (?:hoch|tief|breit|weit))\b/i,
  ],
  ['frequency', /\b(?:how (?:often|frequently)|how many times|wie oft|combien de fois|cu[aá]ntas veces)\b/i],
  ['age', /\b(?:how old|what age|wie alt|quel [aâ]ge)\b/i],
  ['duration', /\b(?:how (?:long|early|late|soon|quickly)|wie lange|combien de temps|cu[aá]nto tiempo)\b/i],
  ['size', /\b(?:how (?:big|large)|(?:size|capacity|volume) of|wie gro(?:ß|ss))\b/i],
  [
    'count',
    /\b(?:how (?:many|much)|(?:what|which) (?:percentage|number|share)|what (?:is|are) the (?:maximum|minimum|highest|lowest|limit|number|rate)|wie ?viele?|combien|cu[aá]nt[oa]s?|quant[ioae])\b/i,
  ],
  ['time', /\b(?:when|(?:what|which) (?:year|date|day|time|month|century)|wann|quand|cu[aá]ndo|quando)\b/i],
  ['person', /\b(?:who|whom|whose|wer|wem|wen|wessen|qui|qui[eé]n(?:es)?|chi)\b/i],
  ['place', /\b(?:where|(?:what|which) (?:city|country|town|place)|wo|woher|wohin|où|d[oó]nde|dove|onde)\b/i],
  ['reason', /\b(?:why|warum|wieso|weshalb|pourquoi|por ?qu[eé]|perch[eé])\b/i],
]

/** Cues of words that ask wherever they stand; the others ask only at the beginning ("What happens when …"). */
const ANYWHERE: ReadonlySet<Cue> = new Set(['money', 'temperature', 'weight', 'speed', 'length', 'size'])

/** Words that ask, and words too general to tell one answer from another; they must not stand in an answer. */
const ASKING = new Set(
  `who whom whose what which when where why how many much long far often please tell me give explain describe list show find know
  want need get take go does did do is are was were can could should would will may might must has have had there any some kind type
  sort mean happen tall high deep wide heavy fast hot cold old big large early late soon cost costs price number year date day time
  month`.split(/\s+/),
)

const ACTION = /^\W*how (?:do|can|could|should|would|to)(?: (?:i|we|you|one|they))? (\p{L}+)/iu

/** Finds what a question asks for by its question words. */
export function cueOf(text: string): Cue {
  const beginning = text.split(/\s+/).slice(0, 5).join(' ')
  return CUES.find(([cue, pattern]) => pattern.test(ANYWHERE.has(cue) ? text : beginning))?.[0] ?? 'open'
}

/** Reads a question whose words are compared in `language`'s term space. */
export function readQuestion(text: string, language: string): Question {
  const found: QuestionWord[] = []
  const action = ACTION.exec(text)?.[1]
  const seen = new Set<string>()
  const all = words(text)
  const stopLanguage = language === 'und' ? 'en' : language
  for (const [index, { text: word, start, end }] of all.entries()) {
    const folded = foldMarks(word)
    const asks = isFunctionWord(folded, stopLanguage) || (stopLanguage === 'en' && ASKING.has(folded))
    if (asks || /^\p{ASCII}$/u.test(folded)) continue
    const key = term(word, language)
    if (seen.has(key)) continue
    seen.add(key)
    const spelled = text.slice(start, end)
    const isCapital = index > 0 && /^\p{Lu}/u.test(spelled) && language !== 'de'
    found.push({ word, term: key, isName: isCapital || /\p{N}/u.test(spelled), isAction: spelled === action })
  }
  const cue = cueOf(text)
  const isBroad =
    /^\W*(?:how (?:do|can|should|to|does)|what (?:are|should|can|do|items|steps)|which .*s\b|why|list|wie (?:kann|kan|soll)|comment|c[oó]mo|come)\b/i.test(
      text,
    )
  return { text, language, words: found, cue, isBroad: isBroad && (cue === 'open' || cue === 'reason') }
}

const MONTHS =
  'jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t|tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|januar|februar|märz|mai|juni|juli|oktober|dezember'
const TIME = new RegExp(
  String.raw`\b(?:1\d{3}|20\d{2})\b|\b\d{1,2}[:.]\d{2}\b|\b(?:${MONTHS})\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:after|before|until|every|within|during|nach|vor|bis)\b|\b(?:second|minute|hour|day|night|week|month|year|century|centurie)s?\b|\b(?:morning|noon|evening|midnight|spring|summer|autumn|winter|today|daily|weekly|monthly)\b`,
  'i',
)
const NUMBER_WORDS =
  /\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|million|half|third|quarter|dozen|once|twice|free|daily|weekly|monthly|yearly|ein(?:e|en)?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|deux|trois|quatre|cinq|dos|tres|cuatro|cinco)\b/i
// Counted repetitions keep the time linear in whatever a document's author wrote.
const NAME = /(?<=[\p{Ll}\p{N},;:)]["']?\s)\p{Lu}\p{L}+|\p{Lu}[\p{L}.]{1,40} (?:\p{Lu}[\p{L}.]+|van|von|de)\b/u
/** Where every noun has a capital letter, a name takes two words. */
const FULL_NAME = /\p{Lu}[\p{Ll}.]+ (?:von |van |de |zu )?\p{Lu}\p{Ll}+/u
const ROLE =
  /\b(?:admin|owner|user|member|manager|employee|customer|director|author|founder|chair|president|captain|parent|team|compan|council|people|anyone|everyone|everybody|nobody|residents|volunteers)/i
const PLACE =
  /\b(?:in|at|on|near|under|between|from|to|by|behind|beside|inside|outside|bei|im|am|auf|zu|dans|en|à|chez|a|nel|nella)\b/i
const REASON =
  /\b(?:because|since|so that|due to|as|therefore|otherwise|to avoid|in order|reason|would|could|cause[sd]?|weil|damit|denn|parce que|car|porque|perché)\b|:/i

const HAS_NUMBER = (text: string): boolean => /\p{N}/u.test(text) || NUMBER_WORDS.test(text)
const withNumber =
  (pattern: RegExp) =>
  (text: string): boolean =>
    pattern.test(text) && HAS_NUMBER(text)

const DURATION_UNIT =
  /\b(?:second|minute|hour|day|night|week|month|year|decade|centur|sekunde|minute|stunde|tag|woche|monat|jahr|heure|jour|semaine|mois|an(?:s|née)|hora|d[ií]a|semana|mes|a[nñ]o)/i
const LENGTH_UNIT =
  /\b(?:\d[\d.,]{0,30}\s?(?:m|cm|mm|km|ft|in)\b|met(?:re|er)|centimet|millimet|kilomet|mile|feet|foot|inch|yard)/i

const HOLDS: Readonly<Record<Cue, (text: string) => boolean>> = {
  count: HAS_NUMBER,
  money: (text) =>
    /[€$£¥₹]|\b(?:euros?|eur|usd|dollars?|cents?|pounds?|gbp|francs?|chf|yen|kronor|kroner|free|gratis|kostenlos|gratuit)\b/i.test(
      text,
    ),
  duration: (text) =>
    withNumber(DURATION_UNIT)(text) || withNumber(LENGTH_UNIT)(text) || /\b(?:until|from .{1,200} to)\b/i.test(text),
  frequency: (text) =>
    /\b(?:every|each|daily|hourly|weekly|monthly|yearly|annually|once|twice|times|per|always|never|jede[nrs]?|täglich|wöchentlich|chaque|cada)\b/i.test(
      text,
    ),
  length: withNumber(LENGTH_UNIT),
  weight: withNumber(/\d\s?(?:kg|g|mg|lbs?|t|oz)\b|\b(?:kilo|gram|pound|ton|ounce)/i),
  speed: withNumber(/\b(?:km\/h|kmh|mph|m\/s|knots?|kbit|mbit|gbit|per (?:hour|second|minute)|an hour|a second)\b/i),
  temperature: withNumber(/°|\b(?:degrees?|celsius|fahrenheit|kelvin|grad)\b/i),
  size: withNumber(
    /\b(?:lit(?:re|er)s?|l|ml|gallons?|m2|m²|sqm|square|cubic|acres?|hectares?|[kmgt]i?b|bytes?|pixels?|people|guests|seats?|beds?|members|employees|cm|mm|met(?:re|er)s?|inch(?:es)?|feet)\b/i,
  ),
  age: withNumber(/\b(?:years?|months?|weeks?|born|built|founded|jahre?|since|seit|ans)\b|\b(?:1\d{3}|20\d{2})\b/i),
  time: (text) => TIME.test(text),
  person: (text) => NAME.test(text) || ROLE.test(text),
  place: (text) => PLACE.test(text) || NAME.test(text),
  reason: (text) => REASON.test(text),
  open: () => true,
}

/**
 * Whether a text holds what the question asks for, the question's own words left aside: "Who climbed Storhorn?" is not
 * answered by the name Storhorn. Always for open questions.
 */
export function holdsCue(text: string, question: Question): boolean {
  if (question.cue === 'open') return true
  let rest = text
  for (const { word, isName } of question.words) {
    if (isName && word.length > 1)
      rest = rest.replaceAll(new RegExp(`(?<![\\p{L}\\p{N}])${word}(?![\\p{L}\\p{N}])`, 'giu'), '…')
  }
  if (question.cue === 'person' && question.language === 'de') return FULL_NAME.test(rest) || ROLE.test(rest)
  return HOLDS[question.cue](rest)
}

/** Whether a text names the attribute that the question asks for in other words: "Weight" for "How heavy". */
export function namesAttribute(text: string, cue: Cue): boolean {
  return ANYWHERE.has(cue) && CUES.some(([known, pattern]) => known === cue && pattern.test(text))
}

/** Cues with a unit or form of their own, which are seldom held by accident. */
export function isSharp(cue: Cue): boolean {
  return SHARP.has(cue)
}

const SHARP: ReadonlySet<Cue> = new Set([
  'money',
  'duration',
  'frequency',
  'length',
  'weight',
  'speed',
  'temperature',
  'time',
  'age',
  'size',
])
