/** What `nearfield add` sends and reports, against a server that is played. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { add } from '../../../src/cli/add.ts'
import { headingPath } from '../../../src/cli/print.ts'
import { FileProgress } from '../../../src/cli/terminal.ts'
import { FakeFilesServer } from '../../support/fake-files-server.ts'

let server: FakeFilesServer
let folder: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nearfield-add-'))
  server = await FakeFilesServer.start()
})

afterEach(() => server.stop())

const upload = (...words: string[]) =>
  add({ url: server.url, key: 'k', collection: 'docs' }, { words, exclude: [] }, folder, new FileProgress(false))

describe('an upload', () => {
  it('sends files as they are, whatever their kind, and names those that fail', async () => {
    for (const name of ['a.txt', 'b.pdf', 'broken.docx', 'd.png']) writeFileSync(join(folder, name), `Of ${name}`)
    writeFileSync(join(folder, 'empty.md'), '')
    const report = await upload('.')
    expect([...server.documents.keys()]).toEqual(['a.txt', 'b.pdf'])
    expect(report).toMatchObject({ indexed: 2, failed: 2, passedOver: 1 })
    expect(report.failures.map(({ id, code }) => [id, code])).toEqual([
      ['empty.md', 'empty_file'],
      ['broken.docx', 'malformed_file'],
    ])
  })

  it('records documents over the limit of a body as failures and goes on with the rest', async () => {
    server.maxBodyBytes = 1_000
    const lines = ['a', 'b', 'c', 'd'].map((id) => ({ id, text: id.repeat(id === 'b' ? 1_000 : 300) }))
    writeFileSync(join(folder, 'x.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'))
    const report = await upload('.')
    expect([...server.documents.keys()].sort()).toEqual(['a', 'c', 'd'])
    expect(report).toMatchObject({ created: 3, failed: 1 })
    expect(report.failures).toMatchObject([{ id: 'b', source: 'x.jsonl:2', code: 'body_too_large' }])
  })

  it('names the file and the line of what the server refuses', async () => {
    const lines = [{ id: 'fine', text: 'Fine.' }, { id: 'empty' }]
    writeFileSync(join(folder, 'x.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'))
    const { failures } = await upload('x.jsonl')
    expect(failures).toEqual([
      { id: 'empty', source: 'x.jsonl:2', code: 'invalid_request', detail: '/text must not be empty' },
    ])
    expect([...server.documents.keys()]).toEqual(['fine'])
  })
})

describe('the path above a hit', () => {
  const hit = {
    id: 'a#0',
    documentId: 'a',
    ordinal: 0,
    score: 1,
    text: '',
    start: 0,
    end: 0,
    highlights: [],
    metadata: {},
  }

  it('names the title once', () => {
    expect(headingPath({ ...hit, title: 'Search', headings: ['Search', 'Pages'] })).toEqual(['Search', 'Pages'])
    expect(headingPath({ ...hit, headings: ['Pages'] })).toEqual(['a', 'Pages'])
  })

  it('leaves the name of a sheet to the place of the hit', () => {
    expect(headingPath({ ...hit, headings: ['Fleet', 'Boats'], sheet: 'Fleet' })).toEqual(['a', 'Boats'])
  })
})
