/** The commands that move archives, against a server that keeps what it is sent. */
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exportTo, importFrom } from '../../../src/cli/archive.ts'
import { linesOf } from '../../../src/cli/lines.ts'
import { NearfieldClient } from '../../../src/client/client.ts'

let server: Server
let client: NearfieldClient
let file: string
/** What the server's export says. */
let archive: string
let parts: { collections?: object[]; documents?: { id: string; text: string }[] }[]

beforeEach(async () => {
  parts = []
  archive = ''
  file = join(mkdtempSync(join(tmpdir(), 'nearfield-archive-')), 'tenant.jsonl')
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      if (request.method === 'POST') parts.push(JSON.parse(body) as (typeof parts)[number])
      response.writeHead(200, { 'content-type': 'application/json' }).end(request.method === 'POST' ? '{}' : archive)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  client = new NearfieldClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, key: 'root' })
})

afterEach(() => {
  server.close()
  server.closeAllConnections()
})

const lines = (...values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('')
const HEAD = { type: 'archive', format: 1 }
const END = { type: 'end', documents: 2, stateHash: 'abc' }

describe('lines', () => {
  const cut = async (...pieces: (string | Uint8Array)[]): Promise<string[]> => {
    async function* bytes() {
      for (const piece of pieces) yield typeof piece === 'string' ? new TextEncoder().encode(piece) : piece
    }
    const found: string[] = []
    for await (const line of linesOf(bytes())) found.push(line)
    return found
  }

  it('end at a line feed and nowhere else', async () => {
    expect(await cut('a\u2028b\u2029c\u0085d\re\n', 'f\r\n', '\n', 'g')).toEqual([
      'a\u2028b\u2029c\u0085d\re',
      'f',
      '',
      'g',
    ])
    expect(await cut()).toEqual([])
  })

  it('may arrive in pieces that part a character, or a line', async () => {
    const bytes = new TextEncoder().encode('\uFEFF{"a":"é€"}\n')
    expect(await cut(...Array.from(bytes, (_, at) => bytes.slice(at, at + 1)))).toEqual(['{"a":"é€"}'])
  })
})

describe('an import', () => {
  it('sends documents with any character of Unicode, and says whether the state is the same', async () => {
    const text = 'one\u2028two\u2029three\u0085four'
    const documents = [
      { id: 'a', text },
      { id: 'b', text: 'plain' },
    ]
    writeFileSync(file, lines(HEAD, ...documents.map((document) => ({ type: 'document', ...document })), END))
    archive = lines(HEAD, END)
    expect(await importFrom(client, 'copy', file, false)).toEqual({ documents: 2, stateHash: 'abc', isEqual: true })
    expect(parts).toEqual([{ documents }])
  })

  it.each([
    ['of another format', lines({ ...HEAD, format: 2 }, END), /not an archive of format 1/],
    ['without a beginning', lines({ type: 'document', id: 'a', text: 'a' }, END), /not an archive of format 1/],
    ['that is cut short', lines(HEAD, { type: 'document', id: 'a', text: 'a' }), /not a whole archive/],
    ['that failed half way', lines(HEAD, { type: 'error', code: 'overloaded' }), /not a whole archive/],
  ])('of an archive %s sends nothing', async (_, content, error) => {
    writeFileSync(file, content)
    await expect(importFrom(client, 'copy', file, false)).rejects.toThrow(error)
    expect(parts).toEqual([])
  })
})

describe('an export', () => {
  it('appears under its name once it is whole, and leaves nothing behind where it is not', async () => {
    archive = lines(HEAD, END)
    writeFileSync(`${file}.part`, 'of an export that was cut off', { mode: 0o666 })
    expect(await exportTo(client, 'acme', file)).toEqual(END)
    expect(readFileSync(file, 'utf8')).toBe(archive)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    archive = lines(HEAD, { type: 'error', code: 'overloaded' })
    await expect(exportTo(client, 'acme', `${file}.2`)).rejects.toThrow(/not whole/)
    expect(readdirSync(join(file, '..'))).toEqual(['tenant.jsonl'])
  })
})
