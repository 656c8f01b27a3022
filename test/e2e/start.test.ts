/** `npm start`: what it promises about processes, ports, files and restarts. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { copyState, freePort, isAlive, LocalServer, newFolder, startServer, until } from '../support/local-server.ts'

const servers: LocalServer[] = []

async function start(state: string, port?: number): Promise<LocalServer> {
  const server = new LocalServer(state, port ?? (await freePort()))
  servers.push(server)
  return server
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

const modeOf = (path: string): number => statSync(path).mode & 0o777

describe('a start on an existing folder', () => {
  let server: LocalServer

  beforeAll(async () => {
    server = await startServer(copyState(inject('preparedState')))
  })

  afterAll(() => server.stop())

  it('keeps the keys, names its processes, and hands out private files', () => {
    const before = JSON.parse(readFileSync(join(inject('preparedState'), 'credentials.json'), 'utf8'))
    expect(server.credentials).toEqual({ ...before, url: `http://127.0.0.1:${server.port}` })
    expect(server.output).not.toContain('Indexing')
    for (const file of ['credentials.json', 'secrets.env', 'authorization.txt', 'root-authorization.txt', 'run.json']) {
      expect(modeOf(join(server.state, file)), file).toBe(0o600)
    }
    expect(isAlive(server.pid('supervisor'))).toBe(true)
    expect(isAlive(server.pid('runtime'))).toBe(true)
  })

  it('shows no secret in the list of processes or on the terminal', () => {
    const processes = execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })
    const { rootKey, secretKey } = server.credentials
    for (const secret of [rootKey, secretKey]) {
      expect(processes.includes(secret)).toBe(false)
      expect(server.output.includes(secret)).toBe(false)
    }
  })

  it('lets every path reach the router and nothing else', async () => {
    for (const path of [
      'cdn-cgi/explorer',
      'cdn-cgi/platform-proxy',
      'cdn-cgi/handler/scheduled',
      'models/edge-en/manifest.json',
    ]) {
      const response = await fetch(`${server.credentials.url}/${path}`)
      expect([response.status, response.headers.get('content-type')], path).toEqual([404, 'application/problem+json'])
    }
  })

  it('prints commands that work when they are pasted', () => {
    const commands = server.output.match(/^ +curl .*(?:(?<=\\)\n.*)*/gm) ?? []
    const [added, uploaded, found, answered] = commands.map((command) =>
      JSON.parse(execFileSync('sh', ['-c', command], { encoding: 'utf8' })),
    )
    expect(commands).toHaveLength(4)
    expect(added.results).toMatchObject([{ id: 'ferry', status: 'created' }])
    expect(uploaded).toMatchObject({ job: { id: expect.stringMatching(/^job_/) } })
    expect(found.hits[0]).toMatchObject({ documentId: 'ferry' })
    expect(answered).toMatchObject({ abstained: false })
  })

  it('logs a line a request, without words or keys, and holds no more than 96 MB', () => {
    const log = readFileSync(join(server.state, 'nearfield.log'), 'utf8')
    const lines = log.split('\n').filter((line) => line.startsWith('{'))
    const requests = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'request')
    expect(requests.some(({ route, status }) => route.endsWith('/search') && status === 200)).toBe(true)
    for (const { heldBytes } of requests) expect(heldBytes).toBeLessThanOrEqual(96_000_000)
    for (const secret of ['Osprey', 'bike', server.credentials.secretKey]) expect(log.includes(secret)).toBe(false)
  })

  it('refuses a folder of a newer version', async () => {
    const state = copyState(inject('preparedState'))
    const path = join(state, 'state.json')
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), format: 99 }))
    const newer = await start(state)
    expect(await newer.untilExit()).toBe(1)
    expect(newer.output).toContain('newer Nearfield')
  })
})

describe('one server on one folder and port', () => {
  it('exits with a sentence where the folder is in use, and leaves the first alone', async () => {
    const first = await (await start(copyState(inject('preparedState')))).untilReady()
    const second = await start(first.state)
    expect(await second.untilExit()).toBe(1)
    expect(second.output).toContain('already running')
    expect((await fetch(`${first.credentials.url}/healthz`)).status).toBe(200)
  })

  it('exits with a sentence where the port is taken', async () => {
    const holder = createServer()
    const port = await freePort()
    await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve))
    const server = await start(copyState(inject('preparedState')), port)
    expect(await server.untilExit()).toBe(1)
    expect(server.output).toContain(`Port ${port} on 127.0.0.1 is already in use`)
    await new Promise((resolve) => holder.close(resolve))
  })
})

describe('the end of a process', () => {
  it('stops everything on SIGTERM to npm', async () => {
    const server = await (await start(copyState(inject('preparedState')))).untilReady()
    const pids = [server.pid('supervisor'), server.pid('runtime')]
    process.kill(server.npmPid, 'SIGTERM')
    await server.untilExit()
    await until('both processes have ended', () => !pids.some(isAlive))
    expect(server.output).toContain('Stopped.')
  })

  it('ends what kill -9 of the supervisor left behind, and only then starts', async () => {
    const killed = await (await start(copyState(inject('preparedState')))).untilReady()
    const orphan = killed.pid('runtime')
    process.kill(killed.pid('supervisor'), 'SIGKILL')
    await killed.untilExit()
    expect(isAlive(orphan)).toBe(true)
    const server = await (await start(killed.state, killed.port)).untilReady()
    expect(server.output).toContain(`Ending process ${orphan}`)
    expect(isAlive(orphan)).toBe(false)
    expect((await server.client().collection('docs')).statistics.documents).toBeGreaterThan(3)
  })

  it('says so and exits with 1 when the runtime dies', async () => {
    const server = await (await start(copyState(inject('preparedState')))).untilReady()
    process.kill(server.pid('runtime'), 'SIGKILL')
    expect(await server.untilExit()).toBe(1)
    expect(server.output).toContain('The runtime ended unexpectedly')
  })

  it('ends the supervisor when npm is killed', async () => {
    const server = await (await start(copyState(inject('preparedState')))).untilReady()
    const pids = [server.pid('supervisor'), server.pid('runtime')]
    process.kill(server.npmPid, 'SIGKILL')
    await until('both processes have ended', () => !pids.some(isAlive))
  })
})

describe('the first run', () => {
  it('is completed by the next start when it was killed half way', async () => {
    const state = newFolder()
    const killed = await start(state)
    await until('the first document is being indexed', () => killed.output.includes('Indexing'))
    killed.killGroup()
    await killed.untilExit()
    expect(existsSync(join(state, 'credentials.json'))).toBe(false)
    const server = await startServer(state)
    servers.push(server)
    const { statistics } = await server.client().collection('docs')
    expect(statistics.documents).toBeGreaterThanOrEqual(10)
    expect(statistics.pending).toBe(0)
    const keys = await server.client().request<{ data: { name: string }[] }>('GET', '/v1/keys')
    expect(keys.data.map(({ name }) => name).sort()).toEqual(['Demo public key', 'Demo secret key'])
  })
})
