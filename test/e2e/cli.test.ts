/** The command line as a person and as a program uses it, against a real server. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { NearfieldClient } from '../../src/client/client.ts'
import { copyState, newFolder, ROOT, startServer, until } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'
import { listAll, makeTenant } from '../support/tenants.ts'

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

let server: LocalServer
let folder: string
let environment: Record<string, string>

/** Runs `npm run nearfield -- …` as typed in `folder`. */
function nearfield(args: readonly string[], extra: Record<string, string> = environment): Promise<Outcome> {
  const child = spawn('npm', ['run', '--silent', '--prefix', ROOT, 'nearfield', '--', ...args], {
    cwd: folder,
    env: { ...process.env, NEARFIELD_URL: '', NEARFIELD_KEY: '', INIT_CWD: folder, ...extra },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}

beforeAll(async () => {
  server = await startServer(copyState(inject('preparedState')))
  const { key } = await makeTenant(server)
  environment = { NEARFIELD_URL: server.credentials.url, NEARFIELD_KEY: key }
  folder = newFolder()
  mkdirSync(join(folder, 'notes', '.hidden'), { recursive: true })
  writeFileSync(join(folder, 'notes', 'ferry.md'), '# The ferry\n\nThe Osprey carries 214 passengers.\n')
  writeFileSync(join(folder, 'notes', 'tram.txt'), 'The tram to the castle leaves every nine minutes.')
  writeFileSync(
    join(folder, 'notes', 'page.html'),
    '<html><head><title>Museum</title></head><body><p>Closed on Mondays.</p></body></html>',
  )
  writeFileSync(join(folder, 'notes', 'image.png'), 'not text')
  writeFileSync(join(folder, 'notes', '.hidden', 'secret.md'), 'Nobody should find this.')
  writeFileSync(
    join(folder, 'list.json'),
    JSON.stringify([{ id: 'json-1', text: 'A heron by the weir.', colour: 'grey' }]),
  )
  writeFileSync(
    join(folder, 'corpus.jsonl'),
    Array.from({ length: 150 }, (_, n) =>
      JSON.stringify({ _id: `line-${n}`, title: `Line ${n}`, text: `Entry ${n} of the log.` }),
    ).join('\n'),
  )
})

afterAll(() => server.stop())

const json = (outcome: Outcome) => JSON.parse(outcome.stdout)

describe('nearfield', () => {
  it('adds folders and files of every kind, then finds and cites them', async () => {
    const added = await nearfield(['add', 'notes', 'list.json', '--collection', 'mixed', '--json'])
    expect([added.code, json(added)]).toMatchObject([0, { created: 1, indexed: 3, failed: 0, passedOver: 1 }])
    const found = json(await nearfield(['search', 'how many passengers', '--collection', 'mixed', '--json']))
    expect(found.hits[0]).toMatchObject({ documentId: 'notes/ferry.md', title: 'The ferry' })
    const ids = json(
      await nearfield(['search', 'heron Mondays tram', '--collection', 'mixed', '--json', '--limit', '20']),
    )
    expect(ids.hits.map((hit: { documentId: string }) => hit.documentId).sort()).toEqual([
      'json-1',
      'notes/ferry.md',
      'notes/page.html',
      'notes/tram.txt',
    ])
    const asked = await nearfield(['ask', 'How many passengers does the Osprey carry?', '--collection', 'mixed'])
    expect([asked.code, asked.stdout]).toMatchObject([0, expect.stringContaining('214 passengers')])
  })

  it('resumes: what the server has already is unchanged', async () => {
    expect(json(await nearfield(['add', 'corpus.jsonl', '-c', 'log', '--json']))).toMatchObject({ created: 150 })
    writeFileSync(join(folder, 'more.jsonl'), JSON.stringify({ _id: 'line-3', title: 'Line 3', text: 'Rewritten.' }))
    expect(json(await nearfield(['add', 'corpus.jsonl', '-c', 'log', '--json']))).toMatchObject({
      created: 0,
      unchanged: 150,
    })
    expect(json(await nearfield(['add', 'more.jsonl', '-c', 'log', '--json']))).toMatchObject({ replaced: 1 })
  })

  it('keeps a folder in sync: adds, changes, deletions, failures, and nothing where nothing changed', async () => {
    const write = (name: string, text: string): void => {
      mkdirSync(join(folder, 'handbook', name, '..'), { recursive: true })
      writeFileSync(join(folder, 'handbook', name), text)
    }
    const sync = (...flags: string[]) => nearfield(['sync', 'handbook', '-c', 'handbook', ...flags])
    const titles = async (query: string): Promise<string[]> => {
      const { hits } = json(await nearfield(['search', query, '-c', 'handbook', '--json', '--limit', '20']))
      return hits.map((hit: { documentId: string }) => hit.documentId).sort()
    }
    write('ferry.md', '# The ferry\n\nThe Osprey carries 214 passengers.')
    write('deep/places.csv', 'place,closed\nMuseum,Mondays\nLibrary,Sundays\n')
    write('deep/log.jsonl', '{"text":"A heron by the weir."}\n{"text":"An otter in the mill stream."}\n')
    write('broken.pdf', '%PDF-1.7 and nothing else')
    const first = await sync('--json')
    expect([first.code, json(first)]).toMatchObject([
      1,
      { indexed: 3, documents: 4, failures: [{ name: 'broken.pdf', code: 'malformed_file' }] },
    ])
    expect(await titles('heron otter passengers Mondays')).toEqual([
      'deep/log.jsonl/rows/1',
      'deep/log.jsonl/rows/2',
      'deep/places.csv',
      'ferry.md',
    ])
    expect(await sync()).toMatchObject({ code: 1, stderr: expect.stringMatching(/broken\.pdf +malformed_file +\w/) })

    rmSync(join(folder, 'handbook', 'broken.pdf'))
    renameSync(join(folder, 'handbook', 'deep', 'log.jsonl'), join(folder, 'handbook', 'moved.jsonl'))
    write('ferry.md', '# The ferry\n\nThe Osprey carries 300 passengers.')
    expect((await sync('--dry-run')).stdout).toContain('1 new, 1 changed, 2 gone, 1 as before')
    const second = await sync('--json')
    expect([second.code, json(second)]).toMatchObject([0, { indexed: 2, deletedDocuments: 2, failures: [] }])
    expect(await titles('heron otter passengers Mondays')).toEqual([
      'deep/places.csv',
      'ferry.md',
      'moved.jsonl/rows/1',
      'moved.jsonl/rows/2',
    ])
    // Back under its old name, with the bytes that the server knew and was told to forget.
    renameSync(join(folder, 'handbook', 'moved.jsonl'), join(folder, 'handbook', 'deep', 'log.jsonl'))
    await sync()
    expect(await titles('heron otter passengers Mondays')).toEqual([
      'deep/log.jsonl/rows/1',
      'deep/log.jsonl/rows/2',
      'deep/places.csv',
      'ferry.md',
    ])
    expect(json(await sync('--json'))).toMatchObject({ added: [], changed: [], vanished: [], unchanged: 3 })
  })

  it('finishes a sync that was killed, and leaves nothing doubled or behind', async () => {
    const names = Array.from({ length: 250 }, (_, number) => `note-${number}.txt`)
    mkdirSync(join(folder, 'many'))
    for (const name of names) writeFileSync(join(folder, 'many', name), `The otter wrote ${name}.`)
    const record = join(folder, 'many', '.nearfield-sync.json')
    const child = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), 'sync', 'many', '-c', 'many'], {
      cwd: folder,
      env: { ...process.env, ...environment, INIT_CWD: folder },
      stdio: 'ignore',
    })
    const ended = new Promise((resolve) => child.on('close', resolve))
    await until('a job is on its way', () => existsSync(record) && readFileSync(record, 'utf8').includes('"job"'))
    child.kill('SIGKILL')
    await ended
    rmSync(join(folder, 'many', 'note-0.txt'))
    const outcome = await nearfield(['sync', 'many', '-c', 'many', '--json'])
    expect(outcome.code).toBe(0)
    const client = new NearfieldClient({ url: server.credentials.url, key: environment['NEARFIELD_KEY'] ?? '' })
    expect((await listAll(client, 'many')).map(({ id }) => id).sort()).toEqual(names.slice(1).sort())
  })

  it('uploads the rest where some documents are refused, and exits with 1', async () => {
    const lines = [
      { id: 'fine', text: 'Fine.' },
      { id: '..', text: 'A bad id.' },
      { id: 'empty', text: '' },
    ]
    writeFileSync(join(folder, 'bad.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'))
    const outcome = await nearfield(['add', 'bad.jsonl', '-c', 'partly', '--json'])
    expect([outcome.code, json(outcome)]).toMatchObject([1, { created: 1, failed: 2 }])
  })

  it('prints for people what it prints for programs with --json', async () => {
    const found = await nearfield([
      'search',
      'how long does a search cursor live',
      '--url',
      server.credentials.url,
      '--key',
      server.credentials.secretKey,
    ])
    expect(found.code).toBe(0)
    expect(found.stdout).toMatch(/^1\. /)
    const status = await nearfield(['status'], {
      NEARFIELD_URL: server.credentials.url,
      NEARFIELD_KEY: server.credentials.secretKey,
    })
    expect(status.stdout).toContain('docs')
    expect(json(await nearfield(['status', '--json'])).key.kind).toBe('secret')
  })

  it('says where in its file a hit and a citation stand', async () => {
    const srt = '1\n00:01:05,000 --> 00:01:09,500\nThe harbour pilot climbs aboard by a rope ladder.\n'
    writeFileSync(join(folder, 'pilot.srt'), srt)
    expect((await nearfield(['add', 'pilot.srt', '-c', 'places'])).code).toBe(0)
    const found = await nearfield(['search', 'rope ladder', '-c', 'places'])
    expect(found.stdout).toMatch(/^1\. pilot\.srt .*\n.*rope ladder\.\n +1:05–1:09\n/)
    const asked = await nearfield(['ask', 'How does the harbour pilot climb aboard?', '-c', 'places'])
    expect(asked.stdout).toMatch(/\[1\] pilot\.srt +1:05–1:09\n +“The harbour pilot climbs aboard by a rope ladder\.”/)
  })

  it('says what is wrong in one line, with exit codes', async () => {
    expect((await nearfield(['--version'])).stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/)
    expect((await nearfield([])).code).toBe(2)
    expect((await nearfield(['add', 'not-there'])).code).toBe(2)
    expect((await nearfield(['--colour'])).code).toBe(2)
    expect(await nearfield(['search', 'x', '-c', 'never-was'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nearfield: no collection "never-was" for this key \(404 not_found/),
    })
    expect(await nearfield(['search', 'x'], { NEARFIELD_URL: 'http://127.0.0.1:9', NEARFIELD_KEY: 'x' })).toMatchObject(
      { code: 1, stderr: expect.stringContaining('http://127.0.0.1:9') },
    )
  })
})
