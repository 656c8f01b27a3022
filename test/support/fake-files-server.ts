/**
 * Plays the files part of the API over real HTTP, for the command line's own tests: uploads as forms, jobs that settle after
 * some looks at them, deletions by id and by filter. What a file becomes, its name says.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JobFile } from '../../src/client/client.ts'

interface Job {
  readonly id: string
  readonly files: JobFile[]
  looks: number
}

interface Clause {
  readonly $id: string | { readonly $prefix: string }
}

export class FakeFilesServer {
  /** Document ids to the bytes that they came from. */
  readonly documents = new Map<string, string>()
  /** One line a request. */
  readonly requests: string[] = []
  /** Names of each upload that was accepted. */
  readonly uploads: string[][] = []
  /** Looks at a job until it has ended. */
  looksNeeded = 2
  maxBodyBytes = 1_000_000
  collectionId = 'col_1'
  exists = true
  /** Ends the connection of the request that this matches, before or after it is done. */
  cut: { readonly path: RegExp; readonly when: 'before' | 'after' } | undefined
  readonly #jobs = new Map<string, Job>()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  static async start(): Promise<FakeFilesServer> {
    const fake = new FakeFilesServer()
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve))
    return fake
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  stop(): Promise<unknown> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const path = request.url ?? ''
    const line = `${request.method} ${path}`
    this.requests.push(line)
    if (this.cut?.when === 'before' && this.cut.path.test(line)) return void response.destroy()
    const { status, body } = await this.#route(line, Buffer.concat(pieces), request.headers['content-type'] ?? '')
    if (this.cut?.path.test(line) === true) return void response.destroy()
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  async #route(line: string, body: Buffer, contentType: string): Promise<{ status: number; body: unknown }> {
    const [, job, rest = ''] = /^GET \/v1\/jobs\/(job_\d+)(\S*)$/.exec(line) ?? []
    if (job !== undefined) return this.#readJob(job, rest)
    if (/^POST \S+\/files$/.test(line)) return await this.#upload(body, contentType)
    if (/^PUT \S+\/documents$/.test(line)) return this.#put(body)
    if (/^POST \S+\/documents\/delete$/.test(line)) return { status: 200, body: { deleted: this.#delete(body) } }
    if (line === 'POST /v1/collections') this.exists = true
    return this.exists
      ? { status: line.startsWith('GET') ? 200 : 201, body: { id: this.collectionId, name: 'notes' } }
      : { status: 404, body: { code: 'not_found' } }
  }

  #put(body: Buffer): { status: number; body: unknown } {
    if (body.length > this.maxBodyBytes) return { status: 413, body: { code: 'body_too_large', detail: 'too large' } }
    const { documents } = JSON.parse(body.toString('utf8')) as { documents: { id: string; text?: string }[] }
    const errors = documents.flatMap(({ text = '' }, index) =>
      text === '' ? [{ pointer: `/documents/${index}/text`, detail: 'must not be empty' }] : [],
    )
    if (errors.length > 0) return { status: 400, body: { code: 'invalid_request', detail: 'not valid', errors } }
    for (const { id, text = '' } of documents) this.documents.set(id, text)
    return { status: 200, body: { results: documents.map(({ id }) => ({ id, status: 'created' })) } }
  }

  async #upload(body: Buffer, contentType: string): Promise<{ status: number; body: unknown }> {
    if (body.length > this.maxBodyBytes) return { status: 413, body: { code: 'body_too_large', detail: 'too large' } }
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData()
    const files = form.getAll('file') as File[]
    if (files.some(({ name }) => name.includes('refused'))) return { status: 400, body: { code: 'invalid_request' } }
    const id = `job_${this.#jobs.size + 1}`
    const items: JobFile[] = []
    for (const file of files) items.push(...this.#settle(file.name, await file.text()))
    this.#jobs.set(id, { id, files: items, looks: 0 })
    this.uploads.push(files.map(({ name }) => name))
    return { status: 202, body: { job: { id } } }
  }

  /** `broken`: fails; `later`: fails in a way that may pass; `rows`: makes two documents; `zip`: two entries, one broken. */
  #settle(name: string, text: string): JobFile[] {
    const item = { name, bytes: text.length, chunks: 1, embeddedChunks: 1, documents: 1, failedDocuments: 0 }
    const failed = (code: string, detail: string): JobFile => ({
      ...item,
      status: 'failed',
      code,
      detail,
      documents: 0,
    })
    if (name.includes('broken')) return [failed('malformed_file', 'the file is damaged; make it again')]
    if (name.includes('later')) return [failed('embedding_failed', 'the text could not be embedded')]
    if (name.endsWith('.zip')) {
      this.documents.set(`${name}/a.txt`, text)
      return [
        { ...item, status: 'indexed', documents: 0 },
        { ...item, name: `${name}/a.txt`, documentId: `${name}/a.txt`, status: 'indexed' },
        { ...failed('encrypted_file', 'remove the password'), name: `${name}/b.pdf` },
      ]
    }
    const ids = name.includes('rows') ? [`${name}/rows/1`, `${name}/rows/2`] : [name]
    for (const id of ids) this.documents.set(id, text)
    return [
      { ...item, status: 'indexed', documents: ids.length, ...(ids.length === 1 ? { documentId: ids[0] ?? '' } : {}) },
    ]
  }

  #readJob(id: string, rest: string): { status: number; body: unknown } {
    const job = this.#jobs.get(id)
    if (job === undefined) return { status: 404, body: { code: 'not_found' } }
    if (rest.startsWith('/files')) {
      // Pages of two, whatever was asked for: a client must follow the cursor.
      const from = Number(new URLSearchParams(rest.slice('/files?'.length)).get('cursor') ?? '0')
      const nextCursor = from + 2 < job.files.length ? String(from + 2) : null
      return { status: 200, body: { data: job.files.slice(from, from + 2), nextCursor } }
    }
    const isOver = ++job.looks >= this.looksNeeded
    const total = job.files.length
    const done = isOver ? total : Math.floor((total * job.looks) / this.looksNeeded)
    return { status: 200, body: { id, status: isOver ? 'succeeded' : 'running', progress: { done, total } } }
  }

  #delete(body: Buffer): number {
    const { ids = [], filter } = JSON.parse(body.toString('utf8')) as {
      ids?: string[]
      filter?: { readonly $or: readonly Clause[] }
    }
    const matches = (id: string): boolean =>
      ids.includes(id) ||
      (filter?.$or ?? []).some(({ $id }) => (typeof $id === 'string' ? $id === id : id.startsWith($id.$prefix)))
    const doomed = [...this.documents.keys()].filter(matches)
    for (const id of doomed) this.documents.delete(id)
    return doomed.length
  }
}
