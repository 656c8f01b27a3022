import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sync } from '../../../src/cli/sync.ts'
import type { SyncReport, SyncRequest } from '../../../src/cli/sync.ts'
import { FileProgress } from '../../../src/cli/terminal.ts'
import { FakeFilesServer } from '../../support/fake-files-server.ts'

let server: FakeFilesServer
let folder: string

beforeEach(async () => {
  server = await FakeFilesServer.start()
  folder = mkdtempSync(join(tmpdir(), 'nearfield-sync-'))
})

afterEach(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

function write(name: string, text = `The text of ${name}.`): void {
  mkdirSync(join(folder, name, '..'), { recursive: true })
  writeFileSync(join(folder, name), text)
}

const run = (request: Partial<SyncRequest> = {}): Promise<SyncReport> =>
  sync(
    { url: server.url, key: 'k', collection: 'notes' },
    { folder, exclude: [], dryRun: false, retry: false, allowEmpty: false, ...request },
    folder,
    new FileProgress(false),
  )

const documents = (): string[] => [...server.documents.keys()].sort()

describe('a sync', () => {
  it('sends what is new, then nothing, then what changed, and deletes what is gone', async () => {
    for (const name of ['a.md', 'deep/b.pdf', 'deep/c rows.csv', 'old.txt']) write(name)
    expect(await run()).toMatchObject({ added: ['a.md', 'deep/b.pdf', 'deep/c rows.csv', 'old.txt'], indexed: 4 })
    expect(documents()).toEqual(['a.md', 'deep/b.pdf', 'deep/c rows.csv/rows/1', 'deep/c rows.csv/rows/2', 'old.txt'])
    expect(await run()).toMatchObject({ added: [], changed: [], vanished: [], unchanged: 4, indexed: 0 })
    write('a.md', 'Another text.')
    rmSync(join(folder, 'old.txt'))
    rmSync(join(folder, 'deep/c rows.csv'))
    expect(await run()).toMatchObject({
      changed: ['a.md'],
      vanished: ['deep/c rows.csv', 'old.txt'],
      deletedDocuments: 3,
      unchanged: 1,
    })
    expect(documents()).toEqual(['a.md', 'deep/b.pdf'])
    expect(server.documents.get('a.md')).toBe('Another text.')
    expect(server.uploads).toHaveLength(2)
  })

  it('moves a document when its file is moved, also onto a name that was a folder of documents', async () => {
    write('x rows.csv')
    await run()
    rmSync(join(folder, 'x rows.csv'))
    write('x rows.csv/rows/1')
    await run()
    expect(documents()).toEqual(['x rows.csv/rows/1/rows/1', 'x rows.csv/rows/1/rows/2'])
  })

  it('only says what it would do with dryRun', async () => {
    server.exists = false
    write('a.md')
    expect(await run({ dryRun: true })).toMatchObject({ added: ['a.md'], dryRun: true, bytesToSend: 17 })
    expect([server.exists, server.uploads, existsSync(join(folder, '.nearfield-sync.json'))]).toEqual([
      false,
      [],
      false,
    ])
  })

  it('leaves out what is hidden, excluded, without text, or a link that leads out', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'nearfield-outside-'))
    writeFileSync(join(outside, 'secret.txt'), 'x')
    for (const name of [
      'a.md',
      'b.PNG',
      '.git/c',
      'node_modules/d.js',
      'drafts/e.md',
      'f/drafts/g.md',
      'h/i.tmp',
      'j/k.md',
    ])
      write(name)
    write('.nearfieldignore', '# not these\n*.tmp\n')
    symlinkSync(join(outside, 'secret.txt'), join(folder, 'out.txt'))
    symlinkSync(outside, join(folder, 'out'))
    symlinkSync(folder, join(folder, 'circle'))
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling.md'))
    symlinkSync(join(folder, 'a.md'), join(folder, 'alias.md'))
    const { passedOver } = await run({ exclude: ['drafts', './j/*'] })
    expect([documents(), passedOver]).toEqual([['a.md', 'alias.md'], 1])
    rmSync(outside, { recursive: true })
  })

  it('names failures each time until the file changes, but sends it only once', async () => {
    for (const name of ['broken.pdf', 'later.md', 'refused.md', 'fine.md', 'empty.md'])
      write(name, name === 'empty.md' ? '' : undefined)
    const { failures, indexed } = await run()
    expect(indexed).toBe(1)
    expect(failures.map(({ name, code }) => `${name}: ${code}`).sort()).toEqual([
      'broken.pdf: malformed_file',
      'empty.md: empty_file',
      'later.md: embedding_failed',
      'refused.md: invalid_request',
    ])
    server.uploads.length = 0
    expect((await run()).failures).toHaveLength(4)
    expect(server.uploads).toEqual([['later.md']])
    write('broken.pdf', 'Repaired, but as broken as before.')
    await run()
    await run({ retry: true })
    expect(server.uploads.slice(1)).toEqual([
      ['broken.pdf', 'later.md'],
      ['broken.pdf', 'later.md'],
    ])
    renameSync(join(folder, 'broken.pdf'), join(folder, 'whole.pdf'))
    expect((await run()).failures.map(({ name }) => name)).not.toContain('broken.pdf')
    expect(documents()).toEqual(['fine.md', 'whole.pdf'])
  })

  it('names entries of an archive that failed, and deletes all of its documents with it', async () => {
    write('all.zip')
    expect((await run()).failures).toEqual([
      { name: 'all.zip/b.pdf', code: 'encrypted_file', detail: 'remove the password' },
    ])
    expect((await run()).failures).toHaveLength(1)
    expect(server.uploads).toHaveLength(1)
    rmSync(join(folder, 'all.zip'))
    write('other.md')
    expect(await run()).toMatchObject({ vanished: ['all.zip'], deletedDocuments: 1, failures: [] })
  })

  it('halves what is too large for one request', async () => {
    server.maxBodyBytes = 3_000
    for (let number = 0; number < 7; number++) write(`${number}.md`, 'x'.repeat(900))
    write('whale.md', 'x'.repeat(4_000))
    const { failures } = await run()
    expect(failures).toMatchObject([{ name: 'whale.md', code: 'body_too_large' }])
    expect(documents()).toEqual(Array.from({ length: 7 }, (_, number) => `${number}.md`))
  })

  it('begins anew for a collection that was deleted and made again', async () => {
    write('a.md')
    await run()
    server.documents.clear()
    server.collectionId = 'col_2'
    expect(await run()).toMatchObject({ added: ['a.md'], indexed: 1 })
    expect(documents()).toEqual(['a.md'])
  })

  it('does not empty a collection because a folder is empty, unless told so', async () => {
    write('a.md')
    await run()
    rmSync(join(folder, 'a.md'))
    await expect(run()).rejects.toThrow(/holds no files any more; --allow-empty/)
    expect(documents()).toEqual(['a.md'])
    await run({ allowEmpty: true })
    expect(documents()).toEqual([])
  })

  it('lets no second run in while one runs, and takes over from one that was killed', async () => {
    write('a.md')
    const record = join(folder, '.nearfield-sync.json')
    writeFileSync(`${record}.lock`, '1')
    await expect(run()).rejects.toThrow(/another sync of this folder is running \(process 1\)/)
    writeFileSync(`${record}.lock`, '999999999')
    await run()
    expect([documents(), existsSync(`${record}.lock`)]).toEqual([['a.md'], false])
    writeFileSync(record, 'no record')
    await expect(run()).rejects.toThrow(/is not a record/)
  })
})

describe('a sync that broke off', () => {
  /** Ends a run at the first request that matches, as a lost network does. */
  async function breakOff(path: RegExp, when: 'before' | 'after'): Promise<void> {
    server.cut = { path, when }
    await expect(runOnce()).rejects.toThrow('fetch failed')
    server.cut = undefined
  }

  /** Without the client's patience, which would only wait. */
  const runOnce = (): Promise<SyncReport> =>
    sync(
      { url: server.url, key: 'k', collection: 'notes' },
      { folder, exclude: [], dryRun: false, retry: false, allowEmpty: false },
      folder,
      new FileProgress(false),
      0,
    )

  it('waits for the job that it has, instead of sending its files again', async () => {
    for (const name of ['a.md', 'b.md']) write(name)
    await breakOff(/^GET \/v1\/jobs/, 'before')
    expect(await run()).toMatchObject({ added: [], unchanged: 0, indexed: 2 })
    expect(server.uploads).toHaveLength(1)
  })

  it('sends again what may or may not have arrived, also where the file is as it was before', async () => {
    write('a.md', 'one')
    await run()
    write('a.md', 'two')
    await breakOff(/^POST .*\/files/, 'after')
    write('a.md', 'one')
    await run()
    expect(server.documents.get('a.md')).toBe('one')
  })

  it('deletes what may have arrived of a file that is gone by then', async () => {
    write('a.md')
    write('b rows.csv')
    await breakOff(/^POST .*\/files/, 'after')
    rmSync(join(folder, 'b rows.csv'))
    await run()
    expect(documents()).toEqual(['a.md'])
  })

  it('ends as one that did not, wherever it breaks off and whatever happens to the files meanwhile', async () => {
    const change = fc.record({
      name: fc.constantFrom('a.md', 'b rows.csv', 'c/d.md'),
      text: fc.constantFrom('', '1', '2'),
    })
    const step = fc.record({
      changes: fc.array(change, { maxLength: 3 }),
      cut: fc.constantFrom('', 'GET /v1/jobs/job_\\d+$', 'GET /v1/jobs/.*/files', 'POST .*/files', 'POST .*delete'),
      when: fc.constantFrom('before' as const, 'after' as const),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        await server.stop()
        server = await FakeFilesServer.start()
        server.looksNeeded = 1
        rmSync(folder, { recursive: true, force: true })
        mkdirSync(folder)
        write('stays.md')
        const texts = new Map<string, string>()
        for (const { changes, cut, when } of steps) {
          for (const { name, text } of changes) {
            if (text === '') rmSync(join(folder, name), { force: true })
            else write(name, text)
            if (text === '') texts.delete(name)
            else texts.set(name, text)
          }
          server.cut = cut === '' ? undefined : { path: new RegExp(cut), when }
          await runOnce().catch(() => {})
        }
        server.cut = undefined
        await runOnce()
        const expected = [...texts].flatMap(([name, text]) =>
          (name.includes('rows') ? [`${name}/rows/1`, `${name}/rows/2`] : [name]).map((id) => [id, text]),
        )
        expect(Object.fromEntries(server.documents)).toEqual({
          ...Object.fromEntries(expected),
          'stays.md': 'The text of stays.md.',
        })
        const uploads = server.uploads.length
        await runOnce()
        expect(server.uploads).toHaveLength(uploads)
        expect(
          JSON.parse(readFileSync(join(folder, '.nearfield-sync.json'), 'utf8')).collections.col_1.sending,
        ).toEqual({})
      }),
      { numRuns: 40 },
    )
  })
})
