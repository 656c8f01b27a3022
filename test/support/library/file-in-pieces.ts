/** A file whose stream comes in pieces of any sizes. */
import { memoryBytes } from '../../../src/parsing/memory-bytes.ts'
import { ParseBudget } from '../../../src/parsing/parse-budget.ts'
import type { FileToParse } from '../../../src/parsing/parsed-document.ts'

type Given = Partial<Pick<FileToParse, 'name' | 'format' | 'encoding' | 'options'>>

/** @param sizes of the pieces in bytes, repeated; default: one piece */
export function fileInPieces(content: Uint8Array, given: Given = {}, sizes: readonly number[] = []): FileToParse {
  const own = new Uint8Array(content)
  const stream = (): ReadableStream<Uint8Array<ArrayBuffer>> => {
    let at = 0
    let piece = 0
    return new ReadableStream({
      pull(controller) {
        const size = sizes.length === 0 ? own.length : sizes[piece++ % sizes.length]!
        if (at < own.length) controller.enqueue(own.slice(at, at + size))
        else controller.close()
        at += size
      },
    })
  }
  return {
    name: 'file.txt',
    format: 'text',
    options: {},
    ...given,
    bytes: { ...memoryBytes(own), stream },
    budget: new ParseBudget({ size: own.length, clock: () => 0 }),
    readCMap: async () => undefined,
  }
}
