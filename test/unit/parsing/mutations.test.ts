/**
 * Files of the fixture library cut, scratched, spliced with one another and renamed: whatever comes of it is read, or fails with
 * a fault of the file. Seeded, so that a failure repeats.
 */
import { globSync } from 'node:fs'
import { expect, it } from 'vitest'
import { FileFault } from '../../../src/parsing/file-fault.ts'
import type { LibraryEntry } from '../../support/library/library-entry.ts'
import { readEntry } from '../../support/library/read-entry.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const MUTATIONS = 500
/** Larger files are bombs, which have tests of their own. */
const MAX_BYTES = 30_000
const ENDINGS = 'txt md html pdf docx pptx xlsx csv tsv json jsonl epub eml mbox js py srt vtt zip xml'.split(' ')

interface Sample {
  readonly name: string
  readonly bytes: Uint8Array
}

async function samples(): Promise<Sample[]> {
  const found: Sample[] = []
  for (const file of globSync('*.ts', { cwd: 'test/support/library' }).sort()) {
    const path = `../../support/library/${file.slice(0, -3)}.ts`
    const { entries = [] } = (await import(path)) as { entries?: readonly LibraryEntry[] }
    for (const { name, bytes } of entries) found.push({ name, bytes: new Uint8Array(await bytes()) })
  }
  return found.filter(({ bytes }) => bytes.length > 0 && bytes.length < MAX_BYTES)
}

function mutated({ name, bytes }: Sample, other: Sample, upTo: (most: number) => number): Sample {
  const at = upTo(bytes.length)
  switch (upTo(5)) {
    case 0:
      return { name, bytes: bytes.slice(0, at) }
    case 1: {
      const tail = other.bytes.subarray(upTo(other.bytes.length))
      return { name, bytes: Buffer.concat([bytes.subarray(0, at), tail]) }
    }
    case 2:
      return { name: `x.${ENDINGS[upTo(ENDINGS.length)] ?? ''}`, bytes }
    case 3:
      return { name, bytes: Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + upTo(300))]) }
    default: {
      const scratched = bytes.slice()
      for (let flips = 1 + upTo(12); flips > 0; flips--) scratched[upTo(scratched.length)] = upTo(256)
      return { name, bytes: scratched }
    }
  }
}

it('reads files that were damaged anyhow, or says what is wrong with them', async () => {
  const files = await samples()
  const random = seededRandom(20_260)
  const upTo = (most: number): number => Math.floor(random() * most)
  const any = (): Sample => files[upTo(files.length)] ?? { name: '', bytes: new Uint8Array(1) }
  const outcomes = { read: 0, faults: 0 }
  for (let i = 0; i < MUTATIONS; i++) {
    const sample = any()
    const { name, bytes } = mutated(sample, any(), upTo)
    try {
      await readEntry({ name, bytes: () => bytes, expect: { code: 'no_text' } })
      outcomes.read++
    } catch (error) {
      if (!(error instanceof FileFault)) throw new Error(`mutation ${i} of ${sample.name} as ${name}`, { cause: error })
      outcomes.faults++
    }
  }
  expect(outcomes.read + outcomes.faults).toBe(MUTATIONS)
  expect(Math.min(outcomes.read, outcomes.faults)).toBeGreaterThan(50)
})
