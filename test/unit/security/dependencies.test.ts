/** What is installed: pinned, checked by hash, few, and with no script of its own beyond those that are named. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

interface Entry {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly optional?: boolean
  readonly link?: boolean
  readonly os?: readonly string[]
  readonly libc?: readonly string[]
  readonly cpu?: readonly string[]
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly allowScripts: Readonly<Record<string, boolean>>
}
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, Entry>>
}
const entries = Object.entries(lock.packages)
  .filter(([path]) => path !== '')
  .map(([path, entry]) => ({ ...entry, path, name: path.slice(path.lastIndexOf('node_modules/') + 13) }))

/** The first release without an advisory known when this was written. */
const LEAST_HONO = [4, 12, 21]

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  const differing = least.findIndex((part, index) => parts[index] !== part)
  return differing === -1 || (parts[differing] ?? 0) > (least[differing] ?? 0)
}

describe('dependencies', () => {
  it('are exact versions, and none is needed at run time that is not bundled', () => {
    expect(manifest.dependencies).toBeUndefined()
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/)
      expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version)
    }
  })

  it('have a hash each, but for those that only other platforms install', () => {
    expect(entries.length).toBeGreaterThan(100)
    const unhashed = entries.filter(({ integrity }) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''))
    for (const { path, optional, os, cpu, hasInstallScript } of unhashed) {
      expect({ path, optional, hasInstallScript }).toEqual({ path, optional: true, hasInstallScript: undefined })
      expect(os !== undefined && cpu !== undefined, path).toBe(true)
    }
    const ours = ({ os, cpu, libc }: Entry): boolean =>
      os?.includes('linux') === true && cpu?.includes('x64') === true && libc?.includes('musl') !== true
    expect(unhashed.filter(ours).map(({ path }) => path)).toEqual([])
  })

  it('come from the registry, not from an address or a folder', () => {
    const odd = entries.filter(({ link, resolved }) => link === true || /^(?!https:).|\.git\b/.test(resolved ?? ''))
    expect(odd.map(({ path }) => path)).toEqual([])
  })

  it('run no script when they are installed, but for those that are allowed, which all do', () => {
    const scripted = new Set(entries.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name))
    expect([...scripted].toSorted()).toEqual(Object.keys(manifest.allowScripts).toSorted())
  })

  it('hold no release of Hono with a known advisory, wherever it is nested', () => {
    const versions = entries.filter(({ name }) => name === 'hono').map(({ version = '0' }) => version)
    expect(versions.length).toBeGreaterThan(0)
    for (const version of versions) expect(isAtLeast(version, LEAST_HONO), version).toBe(true)
    const judged = ['4.12.21', '4.13.0', '5.0.0', '4.12.20', '4.9.30', '3.99.99']
    expect(judged.map((version) => isAtLeast(version, LEAST_HONO))).toEqual([true, true, true, false, false, false])
  })
})
