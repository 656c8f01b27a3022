/**
 * The composition root: the one place that reads `env`, imports the compiled kernels and ties the rooms together. The
 * Durable Object classes here are thin subclasses that hand each room's object what it needs.
 */
import { DurableObject } from 'cloudflare:workers'
import { systemClock } from './core/clock.ts'
import type { SqlDatabase, SqlMigration } from './core/sql-database.ts'
import plainModule from './kernels/edge-plain.wasm'
import relaxedModule from './kernels/edge-relaxed.wasm'
import { EmbedderObject } from './models/edge/embedder-object.ts'
import { createModels } from './models/models.ts'
import type { Models } from './models/models.ts'
import { applyMigrations } from './shard/apply-migrations.ts'
import { DurableSqlDatabase } from './shard/durable-sql-database.ts'
import { TenantObject } from './tenancy/tenant-object.ts'

let models: Models | undefined

function modelsOf(env: Env): Models {
  models ??= createModels({
    async readAsset(path) {
      const response = await env.ASSETS.fetch(`https://assets.invalid/${path}`)
      if (!response.ok) throw new Error(`the asset ${path} is missing from this deployment`)
      return response.arrayBuffer()
    },
    relaxedModule,
    plainModule,
    embedderNamespace: env.EMBEDDER,
    poolSize: 1,
  })
  return models
}

export class Shard extends DurableObject {}

export class Tenant extends TenantObject<Env> {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, { clock: systemClock, openDatabase })
  }
}

export class Embedder extends EmbedderObject<Env> {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, { localEmbedder: (profileId) => modelsOf(env).queryEmbedder(profileId) })
  }
}

function openDatabase(storage: DurableObjectStorage, migrations: readonly SqlMigration[]): SqlDatabase {
  const database = new DurableSqlDatabase(storage)
  applyMigrations(database, migrations)
  return database
}

export default {
  fetch(): Response {
    return new Response('not ready', { status: 503 })
  },
}
