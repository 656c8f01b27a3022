/** The program of docs/audit.md, run as an outsider runs it, against a server that answers as Nearfield does. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { append, makeLog, NOW_MS } from './audit-fixture.ts'
import type { Fixture } from './audit-fixture.ts'

let fixture: Fixture
let server: Server

beforeEach(async () => {
  fixture = makeLog()
  await append(fixture.log, 7)
  await fixture.log.run(NOW_MS + 60_000)
  await append(fixture.log, 2, NOW_MS + 61_000)
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
    void answerTo(pathname, searchParams.get('cursor')).then((body) => response.end(JSON.stringify(body)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(() => server.close())

async function answerTo(path: string, cursor: string | null): Promise<object> {
  const { log, signer } = fixture
  if (path === '/.well-known/jwks.json') return signer.jwks()
  if (path === '/v1/audit/verify') return log.verify()
  const { lines, nextBefore } = log.list({ limit: 4, ...(cursor === null ? {} : { before: Number(cursor) }) })
  return { data: lines, nextCursor: nextBefore ?? null }
}

async function verify(...heads: string[]): Promise<string> {
  const { port } = server.address() as AddressInfo
  const env = { NEARFIELD_URL: `http://127.0.0.1:${port}`, NEARFIELD_KEY: 'key' }
  try {
    return (await promisify(execFile)(process.execPath, ['docs/snippets/verify-audit.mjs', ...heads], { env })).stdout
  } catch (error) {
    return /^Error: (.*)$/m.exec(String((error as { stderr?: string }).stderr))?.[1] ?? String(error)
  }
}

it('is shown as it is run', () => {
  const program = readFileSync('docs/snippets/verify-audit.mjs', 'utf8')
  expect(readFileSync('docs/audit.md', 'utf8').includes(`\`\`\`js\n${program}\`\`\`\n`)).toBe(true)
})

it('finds a whole log whole', async () => {
  expect(await verify()).toBe('9 lines are whole; 7 of them were signed at 2026-01-31T12:01:05.000Z\n')
})

it('finds a line that was changed, a chain that was made anew, and a head of another chain', async () => {
  const { database, log, signer } = fixture
  const kept = (await log.verify()).signedHeads.latest ?? ''
  const typ = 'nearfield-audit-head+jws'
  expect(await verify(await signer.sign({ chain: 'other', sequence: 1 }, typ))).toBe('the head is not of this chain')
  expect(await verify(`${kept.slice(0, -3)}AAA`)).toBe('the head is not of this chain')

  database.run("UPDATE audit_lines SET action = 'key.update' WHERE sequence = 6")
  expect(await verify()).toBe('line 6 was changed')
  for (const table of ['audit_lines', 'audit_chain', 'audit_heads']) database.run(`DELETE FROM ${table}`)
  await append(log, 9, NOW_MS + 1)
  expect(await verify(kept)).toBe('the chain is not the one that was signed')
})
