import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { add } from '../../../src/cli/add.ts'
import { headingPath } from '../../../src/cli/print.ts'

const LIMIT = 1_000

let server: Server
let stored: string[]
let folder: string

/** Plays the server: bodies over the limit are 413, empty texts 400 with a pointer, everything else is created. */
beforeEach(async () => {
  stored = []
  folder = mkdtempSync(join(tmpdir(), 'nearfield-add-'))
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')))
    request.on('end', () => {
      const answer = (status: number, value: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
      }
      if (request.method === 'GET') return answer(200, { name: 'docs' })
      if (body.length > LIMIT) return answer(413, { code: 'body_too_large', detail: 'the body is over the limit' })
      const { documents } = JSON.parse(body) as { documents: { id: string; text: string }[] }
      const errors = documents.flatMap(({ text }, index) =>
        text === '' || text === undefined ? [{ pointer: `/documents/${index}/text`, detail: 'must not be empty' }] : [],
      )
      if (errors.length > 0) return answer(400, { code: 'invalid_request', detail: 'not valid', errors })
      stored.push(...documents.map(({ id }) => id))
      return answer(200, { results: documents.map(({ id }) => ({ id, status: 'created' })) })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(() => new Promise((resolve) => server.close(resolve)))

const upload = (...paths: string[]) => {
  const { port } = server.address() as AddressInfo
  return add({ url: `http://127.0.0.1:${port}`, key: 'k', collection: 'docs' }, paths, folder, false)
}

describe('an upload', () => {
  it('records a file over the limit of a body as a failure and goes on with the rest', async () => {
    for (const name of ['a', 'c', 'd']) writeFileSync(join(folder, `${name}.txt`), name.repeat(300))
    writeFileSync(join(folder, 'b.txt'), 'b'.repeat(LIMIT))
    writeFileSync(join(folder, 'e.png'), '')
    const report = await upload('.')
    expect(stored.sort()).toEqual(['a.txt', 'c.txt', 'd.txt'])
    expect(report).toMatchObject({ created: 3, failed: 1, passedOver: 1 })
    expect(report.failures).toMatchObject([{ id: 'b.txt', source: 'b.txt', code: 'body_too_large' }])
  })

  it('names the file and the line of what the server refuses', async () => {
    const lines = [{ id: 'fine', text: 'Fine.' }, { id: 'empty' }]
    writeFileSync(join(folder, 'x.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'))
    const { failures } = await upload('x.jsonl')
    expect(failures).toEqual([
      { id: 'empty', source: 'x.jsonl:2', code: 'invalid_request', detail: '/text must not be empty' },
    ])
    expect(stored).toEqual(['fine'])
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
})
