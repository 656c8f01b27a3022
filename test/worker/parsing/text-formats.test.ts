import { describe, expect, it } from 'vitest'
import { memoryBytes } from '../../../src/parsing/memory-bytes.ts'
import { ParseBudget } from '../../../src/parsing/parse-budget.ts'
import type { ParsedDocument } from '../../../src/parsing/parsed-document.ts'
import { parseFile } from '../../../src/parsing/parse-file.ts'
import { recogniseFile } from '../../../src/parsing/recognise-file.ts'
import type { LibraryEntry } from '../../support/library/library-entry.ts'
import { entries as records } from '../../support/library/records.ts'
import { entries as texts } from '../../support/library/text.ts'

/** The runtime has decoders of its own, so every encoding is read in it; bombs are left to the unit tests. */
const chosen = [...texts, ...records].filter((entry) => !/bomb|many|wide|long|large/.test(entry.name))

async function read(entry: LibraryEntry): Promise<{ format: string; documents: ParsedDocument[] }> {
  const bytes = memoryBytes(new Uint8Array(await entry.bytes()))
  const budget = new ParseBudget({ size: bytes.size, clock: () => Date.now() })
  const detected = await recogniseFile(bytes, entry.name, budget)
  const documents: ParsedDocument[] = []
  const options = entry.options ?? {}
  const file = { name: entry.name, ...detected, bytes, options, budget, readCMap: async () => undefined }
  for await (const document of parseFile(file)) documents.push(document)
  return { format: detected.format, documents }
}

describe('in the runtime, text formats are read as in Node', () => {
  it.each(chosen.map((entry) => [entry.name, entry] as const))('%s', async (_name, entry) => {
    const outcome = await read(entry).catch((error: unknown) => error)
    if ('code' in entry.expect) {
      expect(outcome).toMatchObject({ code: entry.expect.code })
      return
    }
    if (outcome instanceof Error) throw outcome
    const { format, documents } = outcome as Awaited<ReturnType<typeof read>>
    expect(format).toBe(entry.expect.format)
    for (const [i, { contains }] of entry.expect.documents.entries())
      for (const text of contains) expect(documents[i]?.text).toContain(text)
  })
})
