/**
 * The composition root: the one place that reads `env`, imports the compiled kernels and ties the rooms together. The
 * Durable Object classes here are thin subclasses that hand each room's object what it needs; everything else is built
 * once per isolate.
 */
import { waitUntil } from 'cloudflare:workers'
import { version } from '../package.json'
import { Catalog } from './catalog/catalog.ts'
import { CollectionModels } from './catalog/collection-models.ts'
import { modelNames } from './catalog/model-names.ts'
import { isSettled } from './catalog/records.ts'
import { fromBase64url } from './core/bytes.ts'
import { systemClock } from './core/clock.ts'
import type { JobId } from './core/ids.ts'
import { asProblem } from './core/problem.ts'
import { residentMemory } from './core/resident-memory.ts'
import type { SqlDatabase, SqlMigration } from './core/sql-database.ts'
import { FilesObject } from './files/files-object.ts'
import { FilesObjects } from './files/files-objects.ts'
import type { JobProgress } from './files/job-reports.ts'
import { bindingConverter } from './files/workers-ai-converter.ts'
import type { MarkdownBinding } from './files/workers-ai-converter.ts'
import { R2Inbox } from './files/r2-inbox.ts'
import { R2Originals } from './files/originals.ts'
import { consumeMessages } from './files/consume-messages.ts'
import { sendWake } from './files/file-message.ts'
import { createApp } from './http/app.ts'
import { AuditTrail } from './http/audit-trail.ts'
import type { App } from './http/app.ts'
import type { AppDependencies } from './http/dependencies.ts'
import plainModule from './kernels/edge-plain.wasm'
import relaxedModule from './kernels/edge-relaxed.wasm'
import { EmbedderObject } from './models/edge/embedder-object.ts'
import { coloCache } from './models/colo-cache.ts'
import type { ModelRules } from './models/configure-model.ts'
import { directModelFetch, egressModelFetch } from './models/model-fetch.ts'
import { createModels } from './models/models.ts'
import type { Models } from './models/models.ts'
import { WordVectorWorkshop } from './models/word-vector-models.ts'
import { productModel } from './models/product-models.ts'
import { createRemoteModels, type RemoteDependencies } from './models/remote-models.ts'
import { vectorSpace } from './models/vector-space.ts'
import { parseFile } from './parsing/parse-file.ts'
import { applyMigrations } from './shard/apply-migrations.ts'
import { DurableSqlDatabase } from './shard/durable-sql-database.ts'
import type { ShardProjection } from './shard/projection.ts'
import { Placement } from './shard/placement.ts'
import { requireSpace } from './shard/shard-setup.ts'
import { requestAllReports, requestReport } from './shard/request-reports.ts'
import { ShardObject } from './shard/shard-object.ts'
import { finishDeletions } from './shard/tenant-erasure.ts'
import { Authenticator } from './tenancy/authenticate.ts'
import { LastUse } from './tenancy/last-use.ts'
import { Sealer } from './tenancy/sealing.ts'
import { Signer } from './tenancy/signing.ts'
import { Allowances } from './tenancy/allowances.ts'
import { TenantObject } from './tenancy/tenant-object.ts'
import { TenantObjects } from './tenancy/tenant-objects.ts'
import { jobFinished } from './tenancy/webhook-events.ts'

/** Every name that the environment may hold; secrets and switches beside the bindings of `wrangler.toml`. */
interface WorkerEnv extends Env {
  /** Hex SHA-256 of the root key. */
  readonly NEARFIELD_ROOT_KEY_HASH?: string
  /** The one before, while the root key is being rotated. */
  readonly NEARFIELD_ROOT_KEY_HASH_PREVIOUS?: string
  /** 64 hex digits. Losing it loses every signing key. */
  readonly NEARFIELD_SEALING_KEY?: string
  /** `true` lets model endpoints lie in private networks; set by `npm start`. */
  readonly NEARFIELD_ALLOW_PRIVATE_ENDPOINTS?: string
  /** A public key for the page at `/`; set by `npm start`. */
  readonly NEARFIELD_DEMO_PUBLIC_KEY?: string
  /** Workers AI, where the deployment's account has it. */
  readonly AI?: MarkdownBinding & NonNullable<RemoteDependencies['ai']>
  /** `workers-ai` sends files that no parser reads there. */
  readonly NEARFIELD_CONVERTER?: string
  /** How many embedder objects share bulk embedding; 1 where all objects share one thread. */
  readonly NEARFIELD_EMBEDDER_OBJECTS?: string
}

const DEFAULT_EMBEDDER_OBJECTS = 4
/** In the place of a shard among those who report a job's progress. */
const FILES_REPORTER = -2
const DEMO_COLLECTION = 'docs'

/** What the sealing key makes: both are stateless, so that the Worker and its objects share them. */
interface Secrets {
  readonly sealer: Sealer
  readonly signer: Signer
}

/** What one isolate builds once from its environment. */
interface Isolate {
  readonly models: Models
  readonly catalog: Catalog
  readonly builtWith: CollectionModels
  secrets?: Secrets
  app?: App
}

let isolate: Isolate | undefined

/** Lets other requests of the isolate run. */
const giveTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

async function readAsset(env: WorkerEnv, path: string): Promise<ArrayBuffer | undefined> {
  // Only the path counts: the binding serves the product's own files and leaves the network alone.
  const response = await env.ASSETS.fetch(`https://assets.invalid/${path}`)
  return response.ok ? response.arrayBuffer() : undefined
}

function isolateOf(env: WorkerEnv): Isolate {
  if (isolate !== undefined) return isolate
  const catalog = new Catalog(env.DB, systemClock)
  isolate = {
    catalog,
    builtWith: new CollectionModels(catalog.collections, systemClock),
    models: createModels({
      async readAsset(path) {
        const bytes = await readAsset(env, path)
        if (bytes === undefined) throw new Error(`the asset ${path} is missing from this deployment`)
        return bytes
      },
      relaxedModule,
      plainModule,
      embedderNamespace: env.EMBEDDER,
      poolSize: Number(env.NEARFIELD_EMBEDDER_OBJECTS ?? DEFAULT_EMBEDDER_OBJECTS),
      wordVectors: { readPacked: async (key) => (await env.ORIGINALS.get(key))?.arrayBuffer() },
      remote: createRemoteModels({
        call: modelRulesOf(env).allowsPrivateEndpoints
          ? directModelFetch((request) => fetch(request))
          : egressModelFetch(env.EGRESS),
        ...(env.AI === undefined ? {} : { ai: env.AI }),
        openApiKey: (sealed, context) => openApiKey(secretsOf(env).sealer, sealed, context),
        clock: systemClock,
      }),
      sharedQueries: coloCache(caches.default),
      keepAlive: waitUntil,
    }),
  }
  return isolate
}

const modelRulesOf = (env: WorkerEnv): ModelRules => ({
  hasWorkersAi: env.AI !== undefined,
  allowsPrivateEndpoints: env.NEARFIELD_ALLOW_PRIVATE_ENDPOINTS === 'true',
})

async function openApiKey(sealer: Sealer, sealed: string, context: string): Promise<string | undefined> {
  const bytes = fromBase64url(sealed)
  const opened = bytes && (await sealer.open(bytes, context))
  return opened && new TextDecoder().decode(opened)
}

function secretsOf(env: WorkerEnv): Secrets {
  const { secrets } = isolateOf(env)
  if (secrets !== undefined) return secrets
  if (env.NEARFIELD_SEALING_KEY === undefined) throw new Error('the secret NEARFIELD_SEALING_KEY is not set')
  const sealer = new Sealer(env.NEARFIELD_SEALING_KEY)
  return (isolateOf(env).secrets = { sealer, signer: new Signer(sealer) })
}

function appOf(env: WorkerEnv): App {
  const { models, catalog, app } = isolateOf(env)
  if (app !== undefined) return app
  const { sealer, signer } = secretsOf(env)
  const rootKeyHashes = [env.NEARFIELD_ROOT_KEY_HASH, env.NEARFIELD_ROOT_KEY_HASH_PREVIOUS]
  const tenantObjects = new TenantObjects(env.TENANT)
  const auditTrail = new AuditTrail({ tenantObjects, catalog, clock: systemClock })
  const dependencies: AppDependencies = {
    authenticator: new Authenticator({
      keys: catalog.keys,
      sealer,
      rootKeyHashes: rootKeyHashes.filter((hash) => hash !== undefined),
      clock: systemClock,
      lastUse: new LastUse({ write: (uses) => catalog.keys.noteUses(uses), clock: systemClock, report }),
      onRefusal: (refusal, keepAlive) => auditTrail.credentialRefused(refusal, keepAlive),
    }),
    catalog,
    placement: new Placement(env.SHARD),
    tenantObjects,
    files: new FilesObjects(env.FILES),
    sources: new FilesObjects(env.FILES),
    originals: new R2Originals(env.ORIGINALS),
    announceFiles: (tenantUid) => waitUntil(sendWake(env.FILE_QUEUE, tenantUid, report)),
    auditTrail,
    models,
    wordVectors: new WordVectorWorkshop({ memory: residentMemory, clock: systemClock, giveTurn }),
    modelRules: modelRulesOf(env),
    modelNames: modelNames(catalog.models, modelRulesOf(env)),
    sealer,
    signer,
    readAsset: (path) => readAsset(env, path),
    clock: systemClock,
    log: (line) => console.log(JSON.stringify(line)),
    report,
    version,
    ...(env.NEARFIELD_DEMO_PUBLIC_KEY === undefined
      ? {}
      : { demo: { publicKey: env.NEARFIELD_DEMO_PUBLIC_KEY, collection: DEMO_COLLECTION } }),
  }
  return (isolateOf(env).app = createApp(dependencies))
}

/**
 * What the control plane learns from a shard: its documents' handles and its jobs' counts, never content. A settled job is
 * told by every report that finds it so, because the one before may have died; the event's id makes it one.
 */
async function project(catalog: Catalog, tenantObjects: TenantObjects, batch: ShardProjection): Promise<void> {
  const { tenantUid, shard } = batch
  await catalog.documents.project(batch)
  for (const { jobId, counts } of batch.jobs) {
    const job = await catalog.jobs.reportProgress(tenantUid, jobId as JobId, shard, counts, counts.updatedAtMs)
    if (job !== undefined && isSettled(job.status))
      await (await tenantObjects.of(tenantUid)).emitEvent(jobFinished(job))
  }
}

/** What the control plane learns of a job of files. One that ends is told by every report that finds it so, as above. */
async function tellJob(catalog: Catalog, tenantObjects: TenantObjects, progress: JobProgress): Promise<void> {
  const { tenantUid, jobId, total, isReopened, isClosed, isCancelled, atMs } = progress
  if (isReopened) await catalog.jobs.reopen(tenantUid, jobId)
  await catalog.jobs.setTotal(tenantUid, jobId, total)
  if (isClosed && total === 0) {
    await catalog.jobs.settle(tenantUid, jobId, isCancelled ? 'cancelled' : 'succeeded', atMs)
  } else await catalog.jobs.reportProgress(tenantUid, jobId, FILES_REPORTER, progress, atMs)
  const job = await catalog.jobs.find(tenantUid, jobId)
  if (job !== undefined && isSettled(job.status)) await (await tenantObjects.of(tenantUid)).emitEvent(jobFinished(job))
}

/** A failure in the background. Messages of errors may quote what they failed on, so only their kind and place are logged. */
function report(what: string, error: unknown): void {
  const { name = 'unknown', stack = '' } = error instanceof Error ? error : {}
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line))
  console.log(JSON.stringify({ level: 'error', event: what, code: asProblem(error)?.code ?? name, stack: frames }))
}

export class Shard extends ShardObject<WorkerEnv> {
  constructor(state: DurableObjectState, env: WorkerEnv) {
    super(state, env, {
      async embedPassages(setup, texts) {
        const { models, builtWith } = isolateOf(env)
        const { tenantUid, collectionId, profileId, dimensions } = setup
        const model = productModel(profileId, dimensions) ?? (await builtWith.modelOf(tenantUid, collectionId))
        requireSpace(setup, vectorSpace(model.profile))
        return models.passageEmbedder(model, { tenantUid }).embed(texts, { kind: 'passage' })
      },
      project: (batch) => project(isolateOf(env).catalog, new TenantObjects(env.TENANT), batch),
      reportChanges: async (changes) =>
        (await new TenantObjects(env.TENANT).of(changes.tenantUid)).applyChanges(changes),
      reportFileChanges: async (changes) =>
        (await new FilesObjects(env.FILES).of(changes.tenantUid)).applyFileChanges(changes),
      clock: systemClock,
      report,
    })
  }
}

export class Tenant extends TenantObject<WorkerEnv> {
  constructor(state: DurableObjectState, env: WorkerEnv) {
    super(state, env, {
      clock: systemClock,
      openDatabase,
      finishDeletions: (tenantUid) =>
        finishDeletions(
          {
            catalog: isolateOf(env).catalog,
            placement: new Placement(env.SHARD),
            files: new FilesObjects(env.FILES),
            operator: () => new TenantObjects(env.TENANT).operator(),
          },
          tenantUid,
        ),
      revokedAtMs: async (keyId) => (await isolateOf(env).catalog.keys.findKey(keyId))?.revokedAtMs,
      flushChanges: (shard) => requestReport(new Placement(env.SHARD), shard),
      requestAllReports: (tenantUid, after) =>
        requestAllReports({ catalog: isolateOf(env).catalog, placement: new Placement(env.SHARD) }, tenantUid, after),
      signer: secretsOf(env).signer,
      sealer: secretsOf(env).sealer,
      send: (delivery) => env.EGRESS.deliver(delivery),
      rollUpUsage: (batch) => isolateOf(env).catalog.usage.write(batch),
      report: (error) => console.log(JSON.stringify({ level: 'error', event: 'deletion', message: String(error) })),
    })
  }
}

export class Files extends FilesObject<WorkerEnv> {
  constructor(state: DurableObjectState, env: WorkerEnv) {
    const { catalog, models } = isolateOf(env)
    const tenantObjects = new TenantObjects(env.TENANT)
    super(state, env, {
      openDatabase,
      originals: new R2Originals(env.ORIGINALS),
      placement: new Placement(env.SHARD),
      models,
      collections: catalog.collections,
      allowances: new Allowances(tenantObjects, systemClock),
      tenantOf: (tenantUid) => catalog.tenants.findByUid(tenantUid),
      parse: parseFile,
      readCMap: async (name) => {
        // The name stands in a file that anyone may have made.
        if (!/^[\w-]+$/.test(name)) return undefined
        const bytes = await readAsset(env, `cmaps/${name}.bcmap`)
        return bytes && new Uint8Array(bytes)
      },
      hasModel: async (tenantUid, modelUid) => (await catalog.models.findByUid(tenantUid, modelUid)) !== undefined,
      removeJob: (tenantUid, jobId) => catalog.jobs.remove(tenantUid, jobId),
      createJob: async ({ tenantUid, collectionId, jobId, kind, writer: { keyId } }) => {
        // One item stands for what is still to come.
        await catalog.jobs.create({ id: jobId, tenantUid, collectionId, kind, total: 1, keyId })
      },
      tellJob: (progress) => tellJob(catalog, tenantObjects, progress),
      sources: {
        fetchPage: (request) => env.EGRESS.fetchPage(request),
        inbox: new R2Inbox(env.INBOX),
      },
      release: version,
      ...(env.AI === undefined || env.NEARFIELD_CONVERTER !== 'workers-ai'
        ? {}
        : { converter: bindingConverter(env.AI) }),
      clock: systemClock,
      pause: giveTurn,
      report: (error) => report('files', error),
    })
  }
}

export class Embedder extends EmbedderObject<WorkerEnv> {
  constructor(state: DurableObjectState, env: WorkerEnv) {
    super(state, env, { localEmbedder: (model, caller) => isolateOf(env).models.queryEmbedder(model, caller) })
  }
}

function openDatabase(storage: DurableObjectStorage, migrations: readonly SqlMigration[]): SqlDatabase {
  const database = new DurableSqlDatabase(storage)
  applyMigrations(database, migrations)
  return database
}

export default {
  fetch: (request, env, context) => appOf(env).fetch(request, env, context),
  queue: (batch, env) =>
    consumeMessages(batch, {
      tenantUidOf: async (tenantId) => (await isolateOf(env).catalog.tenants.find(tenantId))?.uid,
      wakeFiles: async (tenantUid) => (await new FilesObjects(env.FILES).of(tenantUid)).wake(tenantUid),
      wakeSources: async (tenantUid) => (await new FilesObjects(env.FILES).sourcesOf(tenantUid)).inboxChanged(),
      log: (line) => console.log(JSON.stringify(line)),
    }),
} satisfies ExportedHandler<WorkerEnv>
