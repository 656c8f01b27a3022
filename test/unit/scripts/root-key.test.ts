/** Replacing the root key: the old one works until the replacement is finished, and files are never half changed. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  DEPLOYED_FINISH,
  deployedReplacement,
  finishReplacement,
  replaceRootKey,
} from '../../../scripts/start/root-key.ts'
import { takeRunLock } from '../../../scripts/start/run-lock.ts'
import { keyHash, readSecrets, writeSecrets } from '../../../scripts/start/secrets.ts'
import { newKey, parseKey } from '../../../src/tenancy/key-format.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nearfield-root-key-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

const read = (name: string): string => readFileSync(join(folder, name), 'utf8')

/** A folder as `npm start` leaves it. Returns its root key. */
function serverState(): string {
  const { rootKey } = readSecrets(folder)
  writeSecrets(folder, { ...readSecrets(folder), demoSecretKey: 'nf_sk_demo' })
  writeFileSync(join(folder, 'credentials.json'), JSON.stringify({ url: 'http://x', rootKey, secretKey: 'nf_sk_demo' }))
  writeFileSync(join(folder, 'root-authorization.txt'), `Authorization: Bearer ${rootKey}\n`)
  return rootKey
}

/** The command itself, as npm runs it. */
function command(args: readonly string[], input = ''): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/root-key.ts', ...args], {
    encoding: 'utf8',
    input,
  })
}

describe('a local root key', () => {
  it('is replaced in every file, and its hash is kept beside the new one', () => {
    const old = serverState()
    const before = readSecrets(folder)
    const key = replaceRootKey(folder)
    expect(parseKey(key)?.kind).toBe('root')
    expect(key).not.toBe(old)
    expect(readSecrets(folder)).toEqual({ ...before, rootKey: key, previousRootKeyHash: keyHash(old) })
    expect(read('secrets.env')).not.toContain(old)
    expect(JSON.parse(read('credentials.json'))).toEqual({ url: 'http://x', rootKey: key, secretKey: 'nf_sk_demo' })
    expect(read('root-authorization.txt')).toBe(`Authorization: Bearer ${key}\n`)
    for (const name of ['secrets.env', 'credentials.json', 'root-authorization.txt']) {
      expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600)
    }
  })

  it('is not replaced twice before the first replacement is finished', () => {
    serverState()
    const key = replaceRootKey(folder)
    expect(() => replaceRootKey(folder)).toThrow(/--finish/)
    expect(readSecrets(folder).rootKey).toBe(key)
    finishReplacement(folder)
    expect(readSecrets(folder)).not.toHaveProperty('previousRootKeyHash')
    expect(() => finishReplacement(folder)).toThrow(/no replaced root key/)
    expect(replaceRootKey(folder)).not.toBe(key)
  })

  it('is published at the end where the replacement was interrupted behind its first step', () => {
    const old = serverState()
    const key = replaceRootKey(folder)
    writeFileSync(join(folder, 'credentials.json'), JSON.stringify({ rootKey: old }))
    finishReplacement(folder)
    expect(JSON.parse(read('credentials.json'))).toEqual({ rootKey: key })
  })

  it('of a server that never finished its first start has only the secrets to change', () => {
    readSecrets(folder)
    replaceRootKey(folder)
    expect(existsSync(join(folder, 'credentials.json'))).toBe(false)
    expect(existsSync(join(folder, 'root-authorization.txt'))).toBe(false)
  })

  it('is not made up where no server ever ran', () => {
    expect(() => replaceRootKey(folder)).toThrow(/holds no server's state/)
    expect(existsSync(join(folder, 'secrets.env'))).toBe(false)
  })
})

describe("a deployed Worker's root key", () => {
  it('is replaced by two secrets, the old one first', () => {
    const old = newKey('root').text
    const words = deployedReplacement(`${old}\n`)
    const key = /nf_rk_\w+/.exec(words)?.[0] ?? ''
    expect(parseKey(key)?.kind).toBe('root')
    expect(words).not.toContain(old)
    const puts = [...words.matchAll(/secret put (\w+) .*\n +([0-9a-f]{64})/g)].map(([, name, hash]) => [name, hash])
    expect(puts).toEqual([
      ['NEARFIELD_ROOT_KEY_HASH_PREVIOUS', keyHash(old)],
      ['NEARFIELD_ROOT_KEY_HASH', keyHash(key)],
    ])
    for (const wrong of ['', 'nf_rk_', newKey('secret').text])
      expect(() => deployedReplacement(wrong)).toThrow(/nf_rk_/)
  })
})

describe('npm run root-key', () => {
  it('replaces, refuses while a server runs, and finishes', async () => {
    const old = serverState()
    const lock = await takeRunLock(folder)
    const running = command(['--state', folder])
    expect([running.status, running.stderr]).toEqual([1, expect.stringContaining('already running')])
    lock.release()
    const done = command(['--state', folder])
    expect([done.status, done.stderr]).toEqual([0, ''])
    expect(readSecrets(folder).previousRootKeyHash).toBe(keyHash(old))
    expect(done.stdout).not.toMatch(/nf_rk_/)
    expect(command(['--state', folder, '--finish']).status).toBe(0)
    expect(readSecrets(folder)).not.toHaveProperty('previousRootKeyHash')
  }, 30_000)

  it('says what to do for a deployed Worker, and what is wrong with its flags', () => {
    expect(command(['--deployed'], `${newKey('root').text}\n`).stdout).toContain('NEARFIELD_ROOT_KEY_HASH_PREVIOUS')
    expect(command(['--deployed']).status).toBe(1)
    expect(command(['--deployed', '--finish']).stdout.trim()).toBe(DEPLOYED_FINISH)
    expect(command(['--deployed', '--state', folder]).status).toBe(2)
    expect(command(['--nonsense']).status).toBe(2)
    expect(command(['--state', join(folder, 'nowhere')]).status).toBe(1)
  }, 30_000)
})
