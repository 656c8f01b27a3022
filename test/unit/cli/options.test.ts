import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findTarget, namedServer, parseOptions, UsageError } from '../../../src/cli/options.ts'

const EMPTY = mkdtempSync(join(tmpdir(), 'nearfield-target-'))

describe('which server and key the command line uses', () => {
  it('flags win over the environment, the environment over the local file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nearfield-target-'))
    mkdirSync(join(folder, '.nearfield'))
    writeFileSync(
      join(folder, '.nearfield/credentials.json'),
      JSON.stringify({ url: 'http://file', secretKey: 'file-key' }),
    )
    const environment = { NEARFIELD_URL: 'http://env', NEARFIELD_KEY: 'env-key' }
    expect(findTarget(parseOptions(['status']), {}, folder)).toEqual({
      url: 'http://file',
      key: 'file-key',
      collection: 'docs',
    })
    expect(findTarget(parseOptions(['status']), environment, folder)).toMatchObject({
      url: 'http://env',
      key: 'env-key',
    })
    const flags = parseOptions(['status', '--url', 'http://flag', '--key', 'k', '-c', 'other'])
    expect(findTarget(flags, environment, folder)).toEqual({ url: 'http://flag', key: 'k', collection: 'other' })
  })

  it('send a key to no server but its own', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nearfield-target-'))
    mkdirSync(join(folder, '.nearfield'))
    writeFileSync(
      join(folder, '.nearfield/credentials.json'),
      JSON.stringify({ url: 'http://file', secretKey: 'file-key' }),
    )
    const elsewhere = parseOptions(['status', '--url', 'http://elsewhere'])
    expect(() => findTarget(elsewhere, {}, folder)).toThrow(/no key/)
    expect(() => findTarget(elsewhere, { NEARFIELD_URL: 'http://env', NEARFIELD_KEY: 'e' }, folder)).toThrow(/no key/)
    expect(findTarget(elsewhere, { NEARFIELD_KEY: 'e' }, folder)).toMatchObject({ key: 'e' })
    expect(findTarget(parseOptions(['status', '--url', 'http://file']), {}, folder)).toMatchObject({ key: 'file-key' })
  })

  it('finds the state folder that is named, before the environment', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nearfield-target-'))
    mkdirSync(join(folder, 'other'))
    writeFileSync(join(folder, 'other/credentials.json'), JSON.stringify({ url: 'http://other', secretKey: 'k' }))
    const named = parseOptions(['status', '--state', 'other'])
    expect(findTarget(named, { NEARFIELD_URL: 'http://env', NEARFIELD_KEY: 'e' }, folder)).toMatchObject({
      url: 'http://other',
      key: 'k',
    })
    expect(() =>
      findTarget(parseOptions(['status', '--state', 'none']), { NEARFIELD_URL: 'http://env' }, folder),
    ).toThrow(/no server: .*--state.*none/)
  })

  it('finds the server of a check that needs no key', () => {
    const environment = { NEARFIELD_URL: 'http://env' }
    expect(namedServer(parseOptions(['doctor']), environment)).toBe('http://env')
    expect(namedServer(parseOptions(['doctor', '--url', 'http://flag']), environment)).toBe('http://flag')
    expect(namedServer(parseOptions(['doctor', '--state', 'here']), environment)).toBeUndefined()
    expect(namedServer(parseOptions(['doctor']), { NEARFIELD_URL: '' })).toBeUndefined()
  })

  it('says of an unknown option that it is unknown, and no more', () => {
    expect(() => parseOptions(['search', '--colour'])).toThrow(/^unknown option '--colour'; try --help$/)
  })

  it('takes an empty variable for none', () => {
    expect(() => findTarget(parseOptions(['status']), { NEARFIELD_URL: '', NEARFIELD_KEY: '' }, EMPTY)).toThrow(
      UsageError,
    )
  })

  it.each([[['--limit', '0']], [['--limit', 'x']], [['--colour']]])('refuses %j', (args) => {
    expect(() => parseOptions(args)).toThrow(UsageError)
  })
})
