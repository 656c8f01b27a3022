import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { deploy, deployConfig, DeploymentError, dryRun } from '../../../scripts/deploy/deployment.ts'
import type { BaseConfig, DeploymentPorts, WranglerResult } from '../../../scripts/deploy/deployment.ts'
import { keyHash } from '../../../scripts/start/secrets.ts'

const BASE: BaseConfig = {
  name: 'nearfield',
  d1_databases: [{ binding: 'DB', database_name: 'nearfield' }],
  r2_buckets: [
    { binding: 'ORIGINALS', bucket_name: 'nearfield-originals' },
    { binding: 'INBOX', bucket_name: 'nearfield-inbox' },
  ],
  queues: {
    producers: [{ binding: 'FILE_QUEUE', queue: 'nearfield-files' }],
    consumers: [{ queue: 'nearfield-files' }, { queue: 'nearfield-files-dead' }],
  },
  vars: { A: 'b' },
}

/** The words of wrangler 4.164 where Cloudflare answers 10007. */
const NO_WORKER =
  '\u001B[31m✘ [ERROR]\u001B[0m \u001B[1mWorker "nearfield" not found.\u001B[0m\n\n  \n  If this is a new Worker, run `wrangler deploy` first.'

interface Account {
  databases: { name: string; uuid: string }[]
  buckets?: string[]
  queues?: string[]
  /** Queues that the inbox tells of its changes. */
  told?: string[]
  /** Absent: the Worker does not exist. */
  secrets?: Record<string, string>
  failing?: string
  /** What the failing call says. */
  saying?: string
}

/** The words of wrangler 4.164 on buckets and queues, colours and wrapped lines included. */
function answerOfStores(account: Account, args: readonly string[]): WranglerResult {
  const buckets = (account.buckets ??= [])
  const queues = (account.queues ??= [])
  const told = (account.told ??= [])
  const said = (stdout: string): WranglerResult => ({ status: 0, stdout, stderr: '' })
  const labelled = (label: string, values: string[]): WranglerResult =>
    said(values.map((value) => `\u001B[37m${label}:\u001B[39m    \u001B[90m${value}\u001B[39m\nother:  x`).join('\n\n'))
  const [first, second, third, fourth] = args
  switch (args.slice(0, first === 'queues' ? 2 : third === 'list' || third === 'create' ? 3 : 4).join(' ')) {
    case 'r2 bucket list':
      return labelled('name', buckets)
    case 'r2 bucket create':
      buckets.push(fourth ?? '')
      return said('')
    case 'r2 bucket notification list':
      return labelled('queue_name', told)
    case 'r2 bucket notification create':
      told.push(args[args.indexOf('--queue') + 1] ?? '')
      return said('')
    case 'queues info':
      return queues.includes(third ?? '')
        ? said(`Queue Name: ${third}`)
        : {
            status: 1,
            stdout: '',
            stderr: `\u001B[31m✘ [ERROR]\u001B[0m Queue "${third}" does not\n  exist. To create it, run: wrangler queues create ${third}`,
          }
    case 'queues create':
      queues.push(third ?? '')
      return said('')
    default:
      throw new Error(`nobody knows ${first} ${second} ${third}`)
  }
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
    if (args[0] === 'r2' || args[0] === 'queues') return answerOfStores(account, args)
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
      'r2 bucket list',
      'r2 bucket create',
      'r2 bucket create',
      'queues info nearfield-files',
      'queues create nearfield-files',
      'queues info nearfield-files-dead',
      'queues create nearfield-files-dead',
      'r2 bucket notification',
      'r2 bucket notification',
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

  it('makes the buckets, the queues and the rule between them once', () => {
    const account: Account = { databases: [], buckets: ['nearfield-originals', 'nearfield-inbox-of-others'] }
    deploy(simulate(account).ports, BASE)
    const made = {
      buckets: ['nearfield-originals', 'nearfield-inbox-of-others', 'nearfield-inbox'],
      queues: ['nearfield-files', 'nearfield-files-dead'],
      told: ['nearfield-files'],
    }
    expect(account).toMatchObject(made)
    const { ports, calls } = simulate(account)
    deploy(ports, BASE)
    expect(account).toMatchObject(made)
    expect(calls.filter((call) => /^(r2 bucket|queues) create/.test(call))).toEqual([])
  })

  it('goes on without the rule, and says what is missing', () => {
    const { ports, printed, calls } = simulate({
      databases: [],
      failing: 'r2 bucket notification',
      saying: 'the plan has no notifications',
    })
    deploy(ports, BASE)
    expect(printed.join('\n')).toMatch(/found on schedules only:\nthe plan has no notifications/)
    expect(calls.at(-1)).toBe('deploy --config wrangler.deploy.toml')
  })

  it('stops where a queue cannot be looked up, rather than guess that there is none', () => {
    const { ports, calls } = simulate({ databases: [], failing: 'queues info', saying: 'the network is down' })
    expect(() => deploy(ports, BASE)).toThrow(/the network is down/)
    expect(calls.some((call) => call.startsWith('queues create') || call.startsWith('deploy'))).toBe(false)
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
