/** English prose cut to an exact number of model tokens, for bench/models.ts. */
import type { EdgeTokenizer } from '../src/models/edge/edge-model.ts'

const PROSE = `The lighthouse keeper wrote down every ship that passed the cape, its flag, its course and the weather. The book covers
forty years and was found in the attic of the post office, wrapped in oilcloth. Nobody had opened it since the lamp was
automated, and most of the harbour's old families can find a name in it: a brother who signed on as a stoker, a cousin who
came back with a piano, a pilot who never came back at all. `

/** Words of the prose that come to `tokens` tokens with the special ones; the last ones may be single letters. */
export function textOfTokens(tokenizer: EdgeTokenizer, tokens: number): string {
  const words = PROSE.repeat(6).split(/\s+/)
  let text = ''
  for (const word of words) {
    const longer = text === '' ? word : `${text} ${word}`
    if (tokenizer.count(longer) + 2 > tokens) break
    text = longer
  }
  while (tokenizer.count(text) + 2 < tokens) text += ' a'
  return text
}
