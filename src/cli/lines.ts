/** Lines of JSON as they arrive, cut at line feeds alone: U+2028 and U+2029 end no line, and stand unescaped inside JSON. */

/** Decodes UTF-8; a byte order mark at the beginning is dropped, and so is a carriage return before a line feed. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let begun: string[] = []
  for await (const piece of bytes) {
    const [first = '', ...rest] = decoder.decode(piece, { stream: true }).split('\n')
    begun.push(first)
    for (const text of rest) {
      yield withoutReturn(begun.join(''))
      begun = [text]
    }
  }
  const last = begun.join('') + decoder.decode()
  if (last !== '') yield withoutReturn(last)
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line)
