/**
 * Translates `wrangler.toml`, the one source of bindings, and `wrangler.egress.toml` into options of the local runtime. A
 * binding that it does not know is an error rather than silently absent.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkerOptions } from 'miniflare'
import { parse } from 'smol-toml'

interface QueueConsumer {
  readonly queue: string
  readonly max_batch_size: number
  /** Seconds. */
  readonly max_batch_timeout: number
  readonly max_retries: number
  readonly dead_letter_queue?: string
}

interface WranglerConfig {
  readonly name: string
  readonly compatibility_date: string
  readonly compatibility_flags?: readonly string[]
  readonly vars?: Readonly<Record<string, string>>
  readonly assets?: {
    readonly directory: string
    readonly binding: string
    readonly html_handling?: 'none'
  }
  readonly d1_databases?: readonly { readonly binding: string; readonly database_name: string }[]
  readonly durable_objects?: { readonly bindings: readonly { readonly name: string; readonly class_name: string }[] }
  readonly services?: readonly { readonly binding: string; readonly service: string; readonly entrypoint: string }[]
  readonly r2_buckets?: readonly { readonly binding: string; readonly bucket_name: string }[]
  readonly queues?: {
    readonly producers?: readonly { readonly binding: string; readonly queue: string }[]
    readonly consumers?: readonly QueueConsumer[]
  }
  readonly migrations?: readonly { readonly tag: string; readonly new_sqlite_classes?: readonly string[] }[]
}

/** Keys of the file that mean something locally, and those that only a deployment reads. */
const KNOWN = new Set(
  (
    'name compatibility_date compatibility_flags vars assets d1_databases r2_buckets queues ' +
    'durable_objects services migrations ' +
    'main workers_dev observability limits placement rules upload_source_maps preview_urls'
  ).split(' '),
)

function readWranglerConfig(root: string, file: string): WranglerConfig {
  const config = parse(readFileSync(join(root, file), 'utf8')) as unknown as WranglerConfig
  const unknown = Object.keys(config).filter((key) => !KNOWN.has(key))
  if (unknown.length > 0) throw new Error(`${file}: npm start does not know ${unknown.join(', ')}`)
  return config
}

/** What both Workers have in common: their code as built in `dist/`, and the runtime's behaviour. */
function commonOptions(root: string, config: WranglerConfig, scriptPath: string) {
  return {
    name: config.name,
    modules: true as const,
    rootPath: join(root, 'dist'),
    scriptPath,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: [...(config.compatibility_flags ?? [])],
  }
}

/**
 * Options of the egress Worker. It reaches public addresses only: whatever a name resolves to, the runtime does not connect
 * to this machine or its network.
 */
export function egressOptions(root: string): WorkerOptions {
  return {
    ...commonOptions(root, readWranglerConfig(root, 'wrangler.egress.toml'), 'egress/worker.js'),
    outboundService: { network: { allow: ['public'], tlsOptions: { trustBrowserCas: true } } },
  }
}

/** Options of the product's Worker, as built in `dist/`, with `secrets` as further bindings. */
export function workerOptions(root: string, secrets: Readonly<Record<string, string>>): WorkerOptions {
  const config = readWranglerConfig(root, 'wrangler.toml')
  const sqliteClasses = new Set(config.migrations?.flatMap((step) => step.new_sqlite_classes ?? []))
  return {
    ...commonOptions(root, config, 'worker.js'),
    modulesRules: [{ type: 'CompiledWasm', include: ['**/*.wasm'] }],
    bindings: { ...config.vars, ...secrets },
    d1Databases: Object.fromEntries((config.d1_databases ?? []).map((d1) => [d1.binding, d1.database_name])),
    r2Buckets: Object.fromEntries((config.r2_buckets ?? []).map((bucket) => [bucket.binding, bucket.bucket_name])),
    queueProducers: Object.fromEntries(
      (config.queues?.producers ?? []).map(({ binding, queue }) => [binding, { queueName: queue }]),
    ),
    queueConsumers: Object.fromEntries(
      (config.queues?.consumers ?? []).map((consumer) => [
        consumer.queue,
        {
          maxBatchSize: consumer.max_batch_size,
          maxBatchTimeout: consumer.max_batch_timeout,
          maxRetries: consumer.max_retries,
          ...(consumer.dead_letter_queue === undefined ? {} : { deadLetterQueue: consumer.dead_letter_queue }),
        },
      ]),
    ),
    durableObjects: Object.fromEntries(
      (config.durable_objects?.bindings ?? []).map(({ name, class_name: className }) => [
        name,
        { className, useSQLite: sqliteClasses.has(className) },
      ]),
    ),
    serviceBindings: Object.fromEntries(
      (config.services ?? []).map(({ binding, service, entrypoint }) => [binding, { name: service, entrypoint }]),
    ),
    ...(config.assets === undefined
      ? {}
      : {
          assets: {
            directory: join(root, config.assets.directory),
            binding: config.assets.binding,
            assetConfig: { html_handling: config.assets.html_handling ?? 'auto-trailing-slash' },
            routerConfig: { invoke_user_worker_ahead_of_assets: true, has_user_worker: true },
          },
        }),
  }
}
