/**
 * The steps of a deployment, in the order that keeps a running installation whole: database, buckets, queues, migrations
 * (which only expand), the egress Worker that the Worker is bound to, then the Worker with its secrets. Each may be repeated, so that
 * a deployment that broke off is simply run again. wrangler is a port, so that the order is tested without an account.
 */
import { stripVTControlCharacters } from 'node:util'
import { stringify } from 'smol-toml'
import { keyHash } from '../start/secrets.ts'

export interface WranglerResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface DeploymentPorts {
  /** Runs wrangler with captured output. */
  readonly wrangler: (args: readonly string[]) => WranglerResult
  readonly writeConfig: (file: string, text: string) => void
  /** Runs `use` with the path of a private file that holds `secrets` as JSON and is gone afterwards. */
  readonly withSecretsFile: <T>(secrets: Readonly<Record<string, string>>, use: (path: string) => T) => T
  readonly newRootKey: () => string
  readonly newSealingKey: () => string
  readonly print: (line: string) => void
}

/** What a deployment reads of `wrangler.toml`; the rest is passed on as it stands. */
export interface BaseConfig extends Record<string, unknown> {
  readonly name: string
  readonly d1_databases: readonly { readonly binding: string; readonly database_name: string }[]
  readonly r2_buckets: readonly { readonly binding: string; readonly bucket_name: string }[]
  readonly queues: {
    readonly producers: readonly { readonly binding: string; readonly queue: string }[]
    readonly consumers: readonly { readonly queue: string }[]
  }
}

/** The generated configuration, ignored by git: it names one account's database. */
const CONFIG_FILE = 'wrangler.deploy.toml'
/** That of a dry run, which must not replace one with a real database in it; ignored by git too. */
const DRY_RUN_CONFIG_FILE = 'wrangler.dry-run.toml'
/** Has nothing of an account in it, so it is used as it stands. */
const EGRESS_CONFIG_FILE = 'wrangler.egress.toml'
const NO_DATABASE = '00000000-0000-0000-0000-000000000000'
const SECRETS = ['NEARFIELD_ROOT_KEY_HASH', 'NEARFIELD_SEALING_KEY'] as const

/** The bucket whose changes are told to the queue. */
const INBOX_BINDING = 'INBOX'

export class DeploymentError extends Error {
  override readonly name = 'DeploymentError'
}

/** `wrangler.toml` plus what only an account can have; uploads the bundle that `npm run build` made, as it is. */
export function deployConfig(base: BaseConfig, databaseId: string): string {
  return stringify({
    ...base,
    main: 'dist/worker.js',
    no_bundle: true,
    find_additional_modules: true,
    rules: [{ type: 'CompiledWasm', globs: ['**/*.wasm'] }],
    d1_databases: base.d1_databases.map((database) => ({ ...database, database_id: databaseId })),
    ai: { binding: 'AI' },
    observability: { enabled: true },
  })
}

/** Checks everything that needs no account. `bundle` says in words what was built. */
export function dryRun(ports: DeploymentPorts, base: BaseConfig, outdir: string, bundle: string): void {
  ports.writeConfig(DRY_RUN_CONFIG_FILE, deployConfig(base, NO_DATABASE))
  const output = call(ports, ['deploy', '--dry-run', '--config', DRY_RUN_CONFIG_FILE, '--outdir', outdir])
  call(ports, ['deploy', '--dry-run', '--config', EGRESS_CONFIG_FILE, '--outdir', `${outdir}-egress`])
  const upload = /Total Upload: (.*\S)/.exec(output)?.[1]
  const { database_name: name } = databaseOf(base)
  for (const line of [
    `built: ${bundle}${upload === undefined ? '' : `; an upload is ${upload}`}`,
    `wrote ${DRY_RUN_CONFIG_FILE}, which wrangler accepts, as it does ${EGRESS_CONFIG_FILE}`,
    `would find or create the D1 database "${name}"`,
    ...base.r2_buckets.map((bucket) => `would find or create the R2 bucket "${bucket.bucket_name}"`),
    ...base.queues.consumers.map(({ queue }) => `would find or create the queue "${queue}"`),
    ...notifications(base).map(
      ({ bucket, queue }) => `would let the bucket "${bucket}" tell the queue "${queue}" of its changes`,
    ),
    `would apply the migrations to "${name}"`,
    `would deploy the egress Worker of ${EGRESS_CONFIG_FILE}`,
    `would deploy "${base.name}", with ${SECRETS.join(' and ')} if it has none`,
  ]) {
    ports.print(line)
  }
}

export function deploy(ports: DeploymentPorts, base: BaseConfig): void {
  const database = databaseOf(base)
  const id = findDatabase(ports, database.database_name) ?? createDatabase(ports, database.database_name)
  ensureBuckets(ports, base)
  for (const { queue } of base.queues.consumers) ensureQueue(ports, queue)
  for (const notification of notifications(base)) ensureNotification(ports, notification)
  ports.writeConfig(CONFIG_FILE, deployConfig(base, id))
  ports.print(`Migrating the database "${database.database_name}" …`)
  call(ports, ['d1', 'migrations', 'apply', database.binding, '--remote', '--config', CONFIG_FILE])
  const hasSecrets = lookForSecrets(ports, base.name)
  ports.print('Deploying the egress Worker …')
  call(ports, ['deploy', '--config', EGRESS_CONFIG_FILE])
  ports.print(`Deploying "${base.name}" …`)
  const args = ['deploy', '--config', CONFIG_FILE]
  const output = hasSecrets ? call(ports, args) : deployWithNewSecrets(ports, args)
  ports.print(/https:\/\/\S+/.exec(output)?.[0] ?? 'Deployed.')
}

function databaseOf(base: BaseConfig): BaseConfig['d1_databases'][number] {
  const database = base.d1_databases[0]
  if (database === undefined) throw new DeploymentError('wrangler.toml names no D1 database')
  return database
}

function call(ports: DeploymentPorts, args: readonly string[]): string {
  const { status, stdout, stderr } = ports.wrangler(args)
  if (status !== 0) throw new DeploymentError(`wrangler ${args.slice(0, 3).join(' ')} failed:\n${stdout}${stderr}`)
  return stdout
}

function findDatabase(ports: DeploymentPorts, name: string): string | undefined {
  const databases: { name: string; uuid: string }[] = JSON.parse(call(ports, ['d1', 'list', '--json']))
  return databases.find((database) => database.name === name)?.uuid
}

function createDatabase(ports: DeploymentPorts, name: string): string {
  ports.print(`Creating the database "${name}" …`)
  call(ports, ['d1', 'create', name])
  const id = findDatabase(ports, name)
  if (id === undefined) throw new DeploymentError(`the database "${name}" was created but is not listed`)
  return id
}

function ensureBuckets(ports: DeploymentPorts, { r2_buckets: buckets }: BaseConfig): void {
  const present = new Set(labelled(call(ports, ['r2', 'bucket', 'list']), 'name'))
  for (const { bucket_name: name } of buckets) {
    if (present.has(name)) continue
    ports.print(`Creating the bucket "${name}" …`)
    call(ports, ['r2', 'bucket', 'create', name])
  }
}

/** @throws DeploymentError where nobody knows whether it exists */
function ensureQueue(ports: DeploymentPorts, name: string): void {
  const { status, stdout, stderr } = ports.wrangler(['queues', 'info', name])
  if (status === 0) return
  if (!words(stdout + stderr).includes(`Queue "${name}" does not exist.`))
    throw new DeploymentError(`wrangler queues info ${name} failed:\n${stdout}${stderr}`)
  ports.print(`Creating the queue "${name}" …`)
  call(ports, ['queues', 'create', name])
}

interface Notification {
  readonly bucket: string
  readonly queue: string
}

function notifications({ r2_buckets: buckets, queues }: BaseConfig): Notification[] {
  const inboxes = buckets.filter(({ binding }) => binding === INBOX_BINDING)
  return inboxes.flatMap(({ bucket_name: bucket }) => queues.producers.map(({ queue }) => ({ bucket, queue })))
}

/** Without the rule bucket sources are still listed on their schedules, so its failure is told and stops nothing. */
function ensureNotification(ports: DeploymentPorts, { bucket, queue }: Notification): void {
  const list = ports.wrangler(['r2', 'bucket', 'notification', 'list', bucket])
  if (list.status === 0 && labelled(list.stdout, 'queue_name').includes(queue)) return
  const rule = ['r2', 'bucket', 'notification', 'create', bucket, '--queue', queue]
  const { status, stdout, stderr } = ports.wrangler([...rule, '--event-types', 'object-create', 'object-delete'])
  if (status === 0) ports.print(`The bucket "${bucket}" tells the queue "${queue}" of its changes.`)
  else
    ports.print(
      `The bucket "${bucket}" tells nobody of its changes, so its files are found on schedules only:\n${stdout}${stderr}`,
    )
}

/** The values of one label in what wrangler lists as `label:   value` lines. */
const labelled = (output: string, label: string): string[] =>
  stripVTControlCharacters(output)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith(`${label}:`))
    .map((line) => line.slice(label.length + 1).trim())

/** Without colours and line breaks, which wrangler puts anywhere. */
const words = (output: string): string => stripVTControlCharacters(output).replaceAll(/\s+/g, ' ')

/** Whether the Worker has its secrets, which are never replaced. @throws DeploymentError where it has one, or nobody knows */
function lookForSecrets(ports: DeploymentPorts, worker: string): boolean {
  const { status, stdout, stderr } = ports.wrangler(['secret', 'list', '--format', 'json', '--config', CONFIG_FILE])
  if (status !== 0 && !saysNoWorker(stdout + stderr, worker)) {
    // Anything but "no such Worker" could hide secrets that exist; guessing would replace them.
    throw new DeploymentError(`wrangler secret list failed:\n${stdout}${stderr}`)
  }
  const present = status === 0 ? (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name) : []
  const missing = SECRETS.filter((name) => !present.includes(name))
  if (missing.length === 1) {
    throw new DeploymentError(
      `the Worker has one secret but lacks ${missing.join()}; set it with \`wrangler secret put\``,
    )
  }
  return missing.length === 0
}

/** Shows new secrets once, before they can be in use, so that none is ever in use that nobody saw. */
function deployWithNewSecrets(ports: DeploymentPorts, args: readonly string[]): string {
  const rootKey = ports.newRootKey()
  const sealingKey = ports.newSealingKey()
  ports.print('These are shown once. Keep them in a safe place:')
  ports.print(`  root key     ${rootKey}`)
  ports.print(`  sealing key  ${sealingKey}`)
  const secrets = { NEARFIELD_ROOT_KEY_HASH: keyHash(rootKey), NEARFIELD_SEALING_KEY: sealingKey }
  return ports.withSecretsFile(secrets, (path) => call(ports, [...args, '--secrets-file', path]))
}

/**
 * Whether wrangler passed on Cloudflare's code for "no such Worker", 10007. `secret list` puts a sentence of its own in
 * the place of that code, and says it for nothing else; only the whole sentence with our Worker's name counts.
 */
function saysNoWorker(output: string, worker: string): boolean {
  const text = words(output)
  return text.includes('[code: 10007]') || text.includes(`Worker "${worker}" not found. If this is a new Worker,`)
}
