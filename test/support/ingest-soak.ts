/**
 * An ingest of generated files under `kill -9`, and what must hold after it: every file is there once, every job's counts are
 * right, use is what is stored, and the state is that of an ingest nobody disturbed.
 */
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { NearfieldClient } from '../../src/client/client.ts'
import type { Job, JobFile } from '../../src/client/client.ts'
import { linesOf } from '../../src/cli/lines.ts'
import { canonicalJson } from '../../src/core/canonical-json.ts'
import { generatedFile } from './generated-files.ts'
import type { GeneratedFile } from './generated-files.ts'
import { startServer, until } from './local-server.ts'
import type { LocalServer } from './local-server.ts'
import { seededRandom } from './seeded-random.ts'
import { listAll, makeTenant } from './tenants.ts'
import type { TestTenant } from './tenants.ts'

export interface SoakPlan {
  readonly seed: number
  readonly files: number
  readonly kills: number
  /** One file of so many goes to a collection whose text is embedded; the others need no model. */
  readonly embedOneOf: number
  readonly filesPerUpload: number
  readonly log: (line: string) => void
}

const COLLECTIONS = [
  { name: 'plain', shards: 2, model: { provider: 'bring-your-own', dimensions: 8, metric: 'cosine' } },
  { name: 'embedded', shards: 1 },
]
const MAX_LIFE_MS = 1_500
const PATIENCE_MS = 600_000
const SWEPT_WITHIN_MS = 60_000

interface Upload {
  readonly collection: string
  readonly files: readonly GeneratedFile[]
  /** Without an answer it may have been accepted or not; it is sent again. */
  attempts: number
  job?: string
}

/** What an ingest leaves behind, in a form that two of them can be compared by. */
export interface Outcome {
  readonly documents: Readonly<Record<string, number>>
  readonly failed: Readonly<Record<string, string>>
  readonly stored: unknown
  readonly documentsWritten: number
  readonly stateHash: string
}

export class IngestSoak {
  readonly #plan: SoakPlan
  readonly #faults: string[] = []
  server: LocalServer
  kills = 0
  /** Uploads that were sent more than once. */
  repeated = 0

  private constructor(plan: SoakPlan, server: LocalServer) {
    this.#plan = plan
    this.server = server
  }

  static async begin(plan: SoakPlan, state: string, port?: number): Promise<IngestSoak> {
    return new IngestSoak(plan, await startServer(state, port))
  }

  /** Runs both ingests and compares them. Returns the faults. */
  async run(): Promise<readonly string[]> {
    const disturbed = await this.#tenant('disturbed')
    const uploads = this.#uploads()
    await this.#uploadUnderKills(disturbed, uploads)
    const actual = await this.#outcomeOf(disturbed, uploads)
    this.#plan.log('now the same files without a disturbance')
    const calm = await this.#tenant('calm')
    const calmUploads = this.#uploads()
    for (const upload of calmUploads) await this.#send(calm.client, upload)
    const expected = await this.#outcomeOf(calm, calmUploads)
    for (const part of Object.keys(expected) as (keyof Outcome)[]) {
      const [is, shouldBe] = [JSON.stringify(actual[part]), JSON.stringify(expected[part])]
      if (is !== shouldBe) this.#faults.push(`${part} differs: ${shorten(is)} instead of ${shorten(shouldBe)}`)
    }
    return this.#faults
  }

  async #tenant(name: string): Promise<TestTenant> {
    const tenant = await makeTenant(this.server, name)
    for (const collection of COLLECTIONS) await tenant.client.createCollection(collection)
    return tenant
  }

  #uploads(): Upload[] {
    const { seed, files, embedOneOf, filesPerUpload } = this.#plan
    const uploads: Upload[] = []
    for (const collection of COLLECTIONS.map(({ name }) => name)) {
      const numbers = Array.from({ length: files }, (_, number) => number)
      // A prime step keeps the formats mixed in both collections.
      const mine = numbers.filter((number) => (number % embedOneOf === embedOneOf - 1) === (collection === 'embedded'))
      for (let at = 0; at < mine.length; at += filesPerUpload) {
        const part = mine.slice(at, at + filesPerUpload).map((number) => generatedFile(seed, number))
        uploads.push({ collection, files: part, attempts: 0 })
      }
    }
    const random = seededRandom(seed)
    return uploads
      .map((upload) => ({ upload, place: random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ upload }) => upload)
  }

  async #uploadUnderKills({ client }: TestTenant, uploads: readonly Upload[]): Promise<void> {
    const { kills, seed, log } = this.#plan
    const random = seededRandom(seed + 1)
    const startedAt = Date.now()
    for (; this.kills < kills; this.kills++) {
      const until = Math.ceil((uploads.length * (this.kills + 1)) / (kills + 1))
      const uploading = this.#keepUploading(client, uploads.slice(0, until))
      await sleep(random() * MAX_LIFE_MS)
      const victims = (['runtime', 'supervisor'] as const).filter(
        (_, index) => this.kills % 3 === 2 || this.kills % 2 === index,
      )
      for (const role of victims) process.kill(this.server.pid(role), 'SIGKILL')
      await this.server.untilExit()
      await uploading
      this.server = await startServer(this.server.state, this.server.port)
      if ((this.kills + 1) % 10 === 0) {
        const done = uploads.filter(({ job }) => job !== undefined).length
        log(
          `${this.kills + 1} kills in ${Math.round((Date.now() - startedAt) / 1_000)} s, ${done} of ${uploads.length} uploads accepted`,
        )
      }
    }
    for (const upload of uploads) if (upload.job === undefined) await this.#send(client, upload)
    this.repeated = uploads.filter(({ attempts }) => attempts > 1).length
  }

  /** Sends what is not accepted yet, until the server goes away. */
  async #keepUploading(client: NearfieldClient, uploads: readonly Upload[]): Promise<void> {
    for (const upload of uploads) {
      if (upload.job !== undefined) continue
      try {
        await this.#send(client, upload)
      } catch {
        return
      }
    }
  }

  async #send(client: NearfieldClient, upload: Upload): Promise<void> {
    upload.attempts++
    const files = upload.files.map(({ name, bytes }) => ({ name, content: new Blob([bytes]) }))
    upload.job = (await client.uploadFiles(upload.collection, files)).id
  }

  async #outcomeOf({ id, client }: TestTenant, uploads: readonly Upload[]): Promise<Outcome> {
    const failed: Record<string, string> = {}
    for (const upload of uploads) Object.assign(failed, await this.#checkJob(client, upload))
    const documents: Record<string, number> = {}
    const stored = { documents: 0, chunks: 0, bytes: 0 }
    for (const { name } of COLLECTIONS) {
      await until(
        'nothing is pending',
        async () => (await client.collection(name)).statistics.pending === 0,
        PATIENCE_MS,
      )
      const { statistics } = await client.collection(name)
      for (const part of ['documents', 'chunks', 'bytes'] as const) stored[part] += statistics[part]
      const ids = (await listAll(client, name)).map((document) => document.id)
      if (new Set(ids).size !== ids.length) this.#faults.push(`${name} lists a document twice`)
      if (statistics.documents !== ids.length)
        this.#faults.push(`${name} counts ${statistics.documents} of ${ids.length}`)
      this.#checkDocuments(
        name,
        ids,
        uploads.filter(({ collection }) => collection === name),
      )
      documents[name] = ids.length
    }
    let documentsWritten = 0
    await until(
      'use is what is stored',
      async () => {
        const usage = await client.request<{ stored: typeof stored; totals: { documentsWritten: number } }>(
          'GET',
          '/v1/usage',
        )
        documentsWritten = usage.totals.documentsWritten
        return (Object.keys(stored) as (keyof typeof stored)[]).every((part) => usage.stored[part] === stored[part])
      },
      60_000,
    ).catch((error: Error) => this.#faults.push(error.message))
    return { documents, failed, stored, documentsWritten, stateHash: await this.#stateHash(id) }
  }

  /** A job is over, its counts are those of its files, and each file of the upload is one of its items. */
  async #checkJob(client: NearfieldClient, upload: Upload): Promise<Record<string, string>> {
    const job: Job = await client.waitForJob(upload.job ?? '')
    const items: JobFile[] = []
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await client.getJobFiles(job.id, { limit: 1_000, ...(cursor === undefined ? {} : { cursor }) })
      items.push(...page.data)
      cursor = page.nextCursor
    }
    const failed = items.filter(({ status }) => status === 'failed')
    const { progress, counts } = job
    const told = [progress.total, progress.done, counts.succeeded, counts.failed, counts.cancelled]
    const found = [items.length, items.length, items.length - failed.length, failed.length, 0]
    if (told.join() !== found.join())
      this.#faults.push(`job ${job.id} counts ${told.join()}, its files are ${found.join()}`)
    const names = new Set(items.map(({ name }) => name))
    if (names.size !== items.length) this.#faults.push(`job ${job.id} names a file twice`)
    for (const { name, expect } of upload.files) {
      const item = items.find((each) => each.name === name)
      const code = 'code' in expect ? expect.code : undefined
      if (item === undefined) this.#faults.push(`${name} is not in its job`)
      else if (item.code !== code)
        this.#faults.push(`${name} ended with ${item.code ?? item.status}, not ${code ?? 'indexed'}`)
      else if (code === undefined && item.status !== 'indexed' && upload.attempts === 1)
        this.#faults.push(`${name} was sent once and ended as ${item.status}`)
    }
    return Object.fromEntries(failed.map(({ name, code = '' }) => [name, code]))
  }

  #checkDocuments(collection: string, ids: readonly string[], uploads: readonly Upload[]): void {
    const left = new Set(ids)
    for (const { name, expect } of uploads.flatMap(({ files }) => files)) {
      const mine = [...left].filter((id) => id === name || id.startsWith(`${name}/`))
      for (const id of mine) left.delete(id)
      const wanted = 'documents' in expect ? expect.documents : 0
      if (mine.length !== wanted)
        this.#faults.push(`${collection}: ${name} has ${mine.length} documents, not ${wanted}`)
    }
    for (const id of left) this.#faults.push(`${collection}: nobody sent ${id}`)
  }

  /** Over all that an export says of each document, versions and vectors included, but not when it was written. */
  async #stateHash(tenant: string): Promise<string> {
    const { url, rootKey } = this.server.credentials
    const stream = await new NearfieldClient({ url, key: rootKey }).stream('GET', `/v1/tenants/${tenant}/export`)
    const digests: string[] = []
    for await (const line of linesOf(stream)) {
      const { type, createdAt: _created, updatedAt: _updated, ...document } = JSON.parse(line)
      if (type === 'document') digests.push(createHash('sha256').update(canonicalJson(document)).digest('hex'))
    }
    return createHash('sha256').update(digests.sort().join()).digest('hex')
  }
}

const shorten = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text)

/**
 * Waits until every tenant has as many originals as the other: what a killed upload left is swept away within a minute.
 * Answers the counts.
 */
export async function untilSwept(state: string): Promise<readonly number[]> {
  let counts: readonly number[] = []
  const isEven = (): boolean => {
    try {
      counts = originalsByTenant(state)
    } catch {
      // The runtime is writing.
      return false
    }
    return new Set(counts).size === 1
  }
  await until('orphans are swept', isEven, SWEPT_WITHIN_MS).catch(() => {})
  return counts
}

/** Originals in the bucket by tenant, from the runtime's own files. */
function originalsByTenant(state: string): readonly number[] {
  const counts = new Map<string, number>()
  const folder = join(state, 'files')
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.sqlite')) continue
    const database = new DatabaseSync(join(folder, file), { readOnly: true })
    try {
      const hasObjects = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_mf_objects'").get() !== undefined
      const rows = hasObjects ? database.prepare('SELECT key FROM _mf_objects').all() : []
      for (const { key } of rows) {
        const tenant = String(key).split('/')[0] ?? ''
        counts.set(tenant, (counts.get(tenant) ?? 0) + 1)
      }
    } finally {
      database.close()
    }
  }
  return [...counts.values()]
}
