/** Originals that a bucket does not give: reading them comes to an end all the same. */
import { describe, expect, it } from 'vitest'
import { openFile, UnreadableBytes } from '../../../src/files/open-file.ts'
import type { FileRow } from '../../../src/files/rows/file-row.ts'
import { memoryBytes } from '../../../src/parsing/memory-bytes.ts'
import { FakeTime } from '../../support/fake-timer.ts'
import { FileWorld } from '../../support/file-world.ts'

const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

describe('an original', () => {
  it.each([
    ['that is never found', () => never<undefined>()],
    [
      'that is never read',
      async () => ({ ...memoryBytes(new Uint8Array(9)), read: () => never<Uint8Array<ArrayBuffer>>() }),
    ],
  ])('%s is given up after a minute', async (_, open) => {
    const world = new FileWorld()
    await world.upload({ 'a.txt': 'never seen' })
    const [file] = world.database.all<FileRow>('SELECT * FROM files')
    if (file === undefined) throw new Error('a file is queued')
    const time = new FakeTime()
    const failure = openFile(world.parts.store, { open }, file, time.timer).catch((error: unknown) => error)
    await time.advance(0)
    await time.advance(60_000)
    expect(await failure).toBeInstanceOf(UnreadableBytes)
    expect(time.armed).toBe(0)
  })
})
