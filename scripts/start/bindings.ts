/**
 * Translates `wrangler.toml`, the one source of bindings, into options of the local runtime. A binding that it does not
 * know is an error rather than silently absent.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkerOptions } from 'miniflare'
import { parse } from 'smol-toml'

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
  readonly migrations?: readonly { readonly tag: string; readonly new_sqlite_classes?: readonly string[] }[]
}

/** Keys of the file that mean something locally, and those that only a deployment reads. */
const KNOWN = new Set(
  (
    'name compatibility_date compatibility_flags vars assets d1_databases durable_objects migrations ' +
    'main workers_dev observability limits placement rules upload_source_maps preview_urls'
  ).split(' '),
)

export function readWranglerConfig(root: string): WranglerConfig {
  return parse(readFileSync(join(root, 'wrangler.toml'), 'utf8')) as unknown as WranglerConfig
}

/** Options of the product's Worker, as built in `dist/`, with `secrets` as further bindings. */
export function workerOptions(root: string, secrets: Readonly<Record<string, string>>): WorkerOptions {
  const config = readWranglerConfig(root)
  const unknown = Object.keys(config).filter((key) => !KNOWN.has(key))
  if (unknown.length > 0) throw new Error(`wrangler.toml: npm start does not know ${unknown.join(', ')}`)
  const sqliteClasses = new Set(config.migrations?.flatMap((step) => step.new_sqlite_classes ?? []))
  return {
    name: config.name,
    modules: true,
    rootPath: join(root, 'dist'),
    scriptPath: 'worker.js',
    modulesRules: [{ type: 'CompiledWasm', include: ['**/*.wasm'] }],
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: [...(config.compatibility_flags ?? [])],
    bindings: { ...config.vars, ...secrets },
    d1Databases: Object.fromEntries((config.d1_databases ?? []).map((d1) => [d1.binding, d1.database_name])),
    durableObjects: Object.fromEntries(
      (config.durable_objects?.bindings ?? []).map(({ name, class_name: className }) => [
        name,
        { className, useSQLite: sqliteClasses.has(className) },
      ]),
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
