/** What `nearfield doctor` finds, on folders and servers made for the purpose. */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { examine, type Finding } from '../../../src/cli/doctor.ts'
import { checkModelAssets } from '../../../src/cli/model-assets.ts'

const REPOSITORY = join(import.meta.dirname, '../../..')

let root: string
let server: Server
let url: string
let status: number

const modelFolder = (): string => join(root, 'assets/models/small')

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'nearfield-doctor-'))
  mkdirSync(modelFolder(), { recursive: true })
  const files = ['one', 'two'].map((content, i) => {
    writeFileSync(join(modelFolder(), `${i}.bin`), content)
    return { file: `${i}.bin`, bytes: 3, sha256: createHash('sha256').update(content).digest('hex') }
  })
  writeFileSync(join(modelFolder(), 'manifest.json'), JSON.stringify({ model: 'small', files }))
  status = 200
  server = createServer((_, response) => response.writeHead(status).end('{"version":"9.8.7"}'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  rmSync(root, { recursive: true })
  await new Promise((resolve) => server.close(resolve))
})

const found = async (changes: { nodeVersion?: string; url?: string } = {}): Promise<Record<string, Finding>> => {
  const options = { root, stateFolder: join(root, 'state'), nodeVersion: 'v24.1.0', ...changes }
  return Object.fromEntries((await examine(options)).map((finding) => [finding.what, finding]))
}

describe('doctor', () => {
  it('is content with a whole repository and a server that is well', async () => {
    mkdirSync(join(root, 'state'))
    writeFileSync(join(root, 'state/credentials.json'), JSON.stringify({ url }))
    const findings = Object.values(await found())
    expect(findings.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(findings.at(-1)?.detail).toBe(`${url}, version 9.8.7`)
  })

  it('names files of a model that are changed, cut, missing or unknown', async () => {
    writeFileSync(join(modelFolder(), '0.bin'), 'eno')
    expect((await found())['model small']).toMatchObject({
      state: 'fault',
      detail: expect.stringMatching(/^0\.bin has another content/),
    })
    writeFileSync(join(modelFolder(), '0.bin'), 'on')
    expect((await found())['model small']?.detail).toContain('0.bin has 2 bytes instead of 3')
    rmSync(join(modelFolder(), '0.bin'))
    expect((await found())['model small']?.detail).toContain('0.bin is missing')
    writeFileSync(join(modelFolder(), '0.bin'), 'one')
    writeFileSync(join(modelFolder(), 'old.bin'), 'old')
    expect((await found())['model small']?.detail).toContain('old.bin is in no manifest')
  })

  it('says so when there is no model, or its manifest is broken', async () => {
    writeFileSync(join(modelFolder(), 'manifest.json'), '{')
    expect((await found())['model small']).toMatchObject({
      state: 'fault',
      detail: expect.stringMatching(/manifest\.json cannot be read/),
    })
    rmSync(modelFolder(), { recursive: true })
    expect((await found())['models']).toMatchObject({ state: 'fault' })
  })

  it('wants a Node.js that the scripts run on', async () => {
    expect((await found({ nodeVersion: 'v18.19.0' }))['Node.js']).toMatchObject({ state: 'fault' })
    expect((await found({ nodeVersion: 'v20.0.0' }))['Node.js']).toMatchObject({ state: 'ok' })
  })

  it('takes a machine where nothing was started yet for a healthy one', async () => {
    const findings = await found()
    expect(findings['state folder']).toMatchObject({
      state: 'hint',
      detail: expect.stringMatching(/npm start makes it/),
    })
    expect(findings['server']).toMatchObject({ state: 'hint' })
    mkdirSync(join(root, 'state'))
    expect((await found())['state folder']).toMatchObject({
      state: 'hint',
      detail: expect.stringMatching(/not running/),
    })
    writeFileSync(join(root, 'state/credentials.json'), '{')
    expect((await found())['state folder']).toMatchObject({ state: 'fault' })
  })

  it('tells a server that is unwell from one that is not there', async () => {
    status = 503
    expect((await found({ url }))['server']).toMatchObject({ state: 'fault', detail: `${url} answers 503` })
    expect((await found({ url: 'http://127.0.0.1:9' }))['server']).toMatchObject({
      detail: expect.stringMatching(/nothing answers/),
    })
  })
})

describe('the models of this repository', () => {
  it('are as their manifests say', () => {
    const models = checkModelAssets(REPOSITORY)
    expect(models.map(({ model }) => model)).toEqual(['edge-en', 'edge-multilingual'])
    expect(models.flatMap(({ faults }) => faults)).toEqual([])
  })
})
