import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { deploy, deployConfig, DeploymentError, dryRun } from '../../../scripts/deploy/deployment.ts'
import type { BaseConfig, DeploymentPorts, WranglerResult } from '../../../scripts/deploy/deployment.ts'
import { keyHash } from '../../../scripts/start/secrets.ts'

const BASE: BaseConfig = {
  name: 'nearfield',
  d1_databases: [{ binding: 'DB', database_name: 'nearfield' }],
  vars: { A: 'b' },
}

/** The words of wrangler 4.164 where Cloudflare answers 10007. */
const NO_WORKER =
  '\u001B[31m✘ [ERROR]\u001B[0m \u001B[1mWorker "nearfield" not found.\u001B[0m\n\n  \n  If this is a new Worker, run `wrangler deploy` first.'

interface Account {
  databases: { name: string; uuid: string }[]
  /** Absent: the Worker does not exist. */
  secrets?: Record<string, string>
  failing?: string
  /** What the failing call says. */
  saying?: string
}

/** Plays wrangler against an account held in memory; returns what was asked of it, in order. */
function simulate(account: Account): {
  ports: DeploymentPorts
  calls: string[]
  printed: string[]
  configs: string[]
  files: string[]
} {
  const calls: string[] = []
  const printed: string[] = []
  const configs: string[] = []
  const files: string[] = []
  let secretsFile: Record<string, string> = {}
  const answer = (args: readonly string[]): WranglerResult => {
    const line = args.join(' ')
    if (account.failing !== undefined && line.startsWith(account.failing))
      return { status: 1, stdout: '', stderr: account.saying ?? 'boom' }
    if (line === 'd1 list --json') return { status: 0, stdout: JSON.stringify(account.databases), stderr: '' }
    if (line.startsWith('d1 create')) account.databases.push({ name: args[2] ?? '', uuid: 'new-id' })
    if (line.startsWith('secret list')) {
      return account.secrets === undefined
        ? { status: 1, stdout: '', stderr: NO_WORKER }
        : { status: 0, stdout: JSON.stringify(Object.keys(account.secrets).map((name) => ({ name }))), stderr: '' }
    }
    if (line.startsWith('deploy')) {
      account.secrets = { ...account.secrets, ...(line.includes('--secrets-file') ? secretsFile : {}) }
      return { status: 0, stdout: 'Deployed to https://nearfield.example.workers.dev', stderr: '' }
    }
    return { status: 0, stdout: '', stderr: '' }
  }
  const ports: DeploymentPorts = {
    wrangler(args) {
      calls.push(args.slice(0, 3).join(' '))
      return answer(args)
    },
    writeConfig: (file, text) => {
      files.push(file)
      configs.push(text)
    },
    withSecretsFile(secrets, use) {
      secretsFile = { ...secrets }
      return use('/private/secrets.json')
    },
    newRootKey: () => 'nf_rk_new',
    newSealingKey: () => 'ab'.repeat(32),
    print: (line) => printed.push(line),
  }
  return { ports, calls, printed, configs, files }
}

describe('deployment', () => {
  it('creates the database, migrates it, then deploys with new secrets that are shown once', () => {
    const account: Account = { databases: [] }
    const { ports, calls, printed, configs } = simulate(account)
    deploy(ports, BASE)
    expect(calls).toEqual([
      'd1 list --json',
      'd1 create nearfield',
      'd1 list --json',
      'd1 migrations apply',
      'secret list --format',
      'deploy --config wrangler.egress.toml',
      'deploy --config wrangler.deploy.toml',
    ])
    expect(account.secrets).toEqual({
      NEARFIELD_ROOT_KEY_HASH: keyHash('nf_rk_new'),
      NEARFIELD_SEALING_KEY: 'ab'.repeat(32),
    })
    expect(printed.filter((line) => line.includes('nf_rk_new'))).toHaveLength(1)
    expect(parse(configs[0] ?? '')).toMatchObject({
      d1_databases: [{ binding: 'DB', database_id: 'new-id' }],
      ai: { binding: 'AI' },
    })
    expect(configs.join()).not.toContain('nf_rk_new')
  })

  it('finds what is there and never replaces a secret', () => {
    const secrets = { NEARFIELD_ROOT_KEY_HASH: 'kept', NEARFIELD_SEALING_KEY: 'kept' }
    const account: Account = { databases: [{ name: 'nearfield', uuid: 'old-id' }], secrets: { ...secrets } }
    const { ports, calls, printed, configs } = simulate(account)
    deploy(ports, BASE)
    expect(calls).not.toContain('d1 create nearfield')
    expect(account.secrets).toEqual(secrets)
    expect(printed.join()).not.toContain('root key')
    expect(configs[0]).toContain('old-id')
  })

  it.each([
    'boom',
    'getaddrinfo ENOTFOUND api.cloudflare.com',
    'Account not found. [code: 7003]',
    'The zone does not exist (ray 1000710007)',
    'Worker "nearfield-other" not found.\n\nIf this is a new Worker, …',
  ])('stops where the secrets cannot be listed, rather than guess that there are none: %s', (saying) => {
    const { ports, calls, printed } = simulate({
      databases: [{ name: 'nearfield', uuid: 'old-id' }],
      failing: 'secret list',
      saying,
    })
    expect(() => deploy(ports, BASE)).toThrow(DeploymentError)
    expect(calls.some((call) => call.startsWith('deploy'))).toBe(false)
    expect(printed.join()).not.toContain('sealing key')
  })

  it('takes the bare code of "no such Worker" as well', () => {
    const account: Account = {
      databases: [{ name: 'nearfield', uuid: 'old-id' }],
      failing: 'secret list',
      saying: 'This Worker does not exist on your account. [code: 10007]',
    }
    deploy(simulate(account).ports, BASE)
    expect(Object.keys(account.secrets ?? {})).toHaveLength(2)
  })

  it('in a dry run leaves the file of a real deployment alone, and says what was built and written', () => {
    const { ports, files, printed } = simulate({ databases: [] })
    dryRun(ports, BASE, 'out', 'three files')
    expect(files).toEqual(['wrangler.dry-run.toml'])
    expect(printed.slice(0, 2)).toEqual([
      'built: three files',
      'wrote wrangler.dry-run.toml, which wrangler accepts, as it does wrangler.egress.toml',
    ])
  })

  it('stops where one of the two secrets is missing', () => {
    const { ports } = simulate({
      databases: [{ name: 'nearfield', uuid: 'x' }],
      secrets: { NEARFIELD_SEALING_KEY: 'kept' },
    })
    expect(() => deploy(ports, BASE)).toThrow(/NEARFIELD_ROOT_KEY_HASH/)
  })

  it('does not deploy when a migration fails', () => {
    const { ports, calls } = simulate({
      databases: [{ name: 'nearfield', uuid: 'x' }],
      secrets: {},
      failing: 'd1 migrations',
    })
    expect(() => deploy(ports, BASE)).toThrow(/boom/)
    expect(calls.at(-1)).toBe('d1 migrations apply')
  })

  it('shows no secrets that it did not come to use, and is whole after another run', () => {
    const account: Account = { databases: [], failing: 'deploy --config wrangler.egress.toml' }
    const { ports, printed } = simulate(account)
    expect(() => deploy(ports, BASE)).toThrow(/boom/)
    expect(printed.join()).not.toContain('nf_rk_new')
    delete account.failing
    deploy(ports, BASE)
    expect(printed.filter((line) => line.includes('nf_rk_new'))).toHaveLength(1)
    const secrets = { ...account.secrets }
    deploy(ports, BASE)
    expect([printed.filter((line) => line.includes('nf_rk_new')).length, account.secrets]).toEqual([1, secrets])
    expect(account.databases).toHaveLength(1)
  })

  it('keeps everything else of wrangler.toml', () => {
    expect(parse(deployConfig(BASE, 'id'))).toMatchObject({
      name: 'nearfield',
      vars: { A: 'b' },
      main: 'dist/worker.js',
      no_bundle: true,
    })
  })
})
