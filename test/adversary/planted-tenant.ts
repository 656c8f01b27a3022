/**
 * Plants a tenant through the API alone: collections, documents in every zone, keys, jobs and whatever else the document
 * lets one create, with canaries in every field; and spare things of the same kinds that may be destroyed.
 */
import type { Canaries } from './canaries.ts'
import type { Zone } from './canaries.ts'
import { UNREADABLE, validBody } from './bodies.ts'
import { filledPath, isForRoot } from './surface.ts'
import type { Operation, Surface } from './surface.ts'
import { propertiesOf } from './json-schema.ts'
import { ignoreVolatile } from './volatile.ts'
import { jsonOf } from './wire.ts'
import type { Dice, Send } from './wire.ts'

/** Segments for the places of a path, escaped. */
export interface Place {
  readonly own: string
  readonly ownById?: string
  /** Of the same tenant, but outside the reach of restricted keys. */
  readonly hidden?: string
  /** Absent where deletion leaves the thing readable. */
  readonly deleted?: string
}

export interface PlantingTools {
  readonly send: Send
  readonly surface: Surface
  readonly canaries: Canaries
  readonly dice: Dice
  readonly rootKey: string
}

export const ALL_SCOPES = ['search', 'answer', 'documents:read', 'documents:write', 'collections', 'admin']

/** Things that another route than the POST of their own folder makes: under which place it stands, and its last segment. */
const MADE_BY: Readonly<Record<string, { readonly under: string; readonly call: string }>> = {
  'deliveries/delivery': { under: 'webhooks/id', call: 'test' },
}

/** How many sources are made before room is made for more: attempts make some as well. */
const SOURCES_BETWEEN_ROOM = 10

export class PlantedTenant {
  readonly letter: string
  readonly id: string
  readonly places = new Map<string, Place>()
  /** A secret key with every scope. */
  key = ''
  keyId = ''
  openCollection = ''
  readonly #tools: PlantingTools
  #spares = new Map<string, string>()
  #sourcesMade = 0

  private constructor(tools: PlantingTools, letter: string) {
    this.#tools = tools
    this.letter = letter
    this.id = this.#plant('tenant', 'handle')
  }

  static async create(tools: PlantingTools, letter: string): Promise<PlantedTenant> {
    const tenant = new PlantedTenant(tools, letter)
    await tenant.#createAll()
    return tenant
  }

  get hasAcl(): boolean {
    const { components } = this.#tools.surface
    const input = components['DocumentInput']
    return input !== undefined && 'acl' in propertiesOf(input, components)
  }

  /** The group that the documents with an acl are for. */
  readonly group = 'group:finance'

  #plant(zone: Zone, kind: 'handle' | 'content'): string {
    return this.#tools.canaries.plant(this.letter, zone, kind)
  }

  /** Calls the API and insists on success. */
  async call(method: string, path: string, body?: unknown, as: 'tenant' | 'root' = 'tenant'): Promise<unknown> {
    const { send, rootKey } = this.#tools
    const isRootRoute = path.startsWith('/v1/tenants')
    const answer = await send({
      method,
      path,
      headers: {
        authorization: `Bearer ${as === 'root' ? rootKey : this.key}`,
        ...(as === 'root' && !isRootRoute ? { 'nearfield-tenant': this.id } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(path.endsWith('#async') ? { prefer: 'respond-async' } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (answer.status >= 300) throw new Error(`planting: ${method} ${path}: ${answer.status} ${answer.text}`)
    return jsonOf(answer)
  }

  /** Makes a key; what rates and addresses the server can limit is set so that it limits no test. */
  async makeKey(request: Record<string, unknown>): Promise<{ id: string; secret: string }> {
    const body = {
      name: this.#plant('tenant', 'content'),
      kind: 'secret',
      ...this.#wideRates(request['kind']),
      ...request,
    }
    const made = await this.call('POST', '/v1/keys', body, 'root')
    return made as { id: string; secret: string }
  }

  /** Only public keys are limited unless told; a secret key with a rate could make none without. */
  #wideRates(kind: unknown): object {
    if (kind !== 'public') return {}
    const { operations, components } = this.#tools.surface
    const schema = operations.find(({ id }) => id === 'createKey')?.body?.schema ?? {}
    const properties = propertiesOf(schema, components)
    const wide = { requests: 1_000_000, windowSeconds: 1 }
    return 'rateLimit' in properties ? { rateLimit: { ...wide, perIp: wide } } : {}
  }

  async #createAll(): Promise<void> {
    await this.call('POST', '/v1/tenants', { id: this.id, name: this.#plant('tenant', 'content') }, 'root')
    const { id, secret } = await this.makeKey({ scopes: ALL_SCOPES })
    this.key = secret
    this.keyId = id
    await this.#createCollections()
    await this.#createKeys()
    this.places.set('tenants/id', { own: this.id, deleted: await this.#deletedTenant() })
    for (const operation of this.#tools.surface.operations) {
      for (const place of operation.places) if (!this.places.has(place)) await this.#createGeneric(place)
    }
  }

  async #createCollections(): Promise<void> {
    const open = this.#plant('names', 'handle')
    const vault = this.#plant('vaultnames', 'handle')
    const gone = this.#plant('names', 'handle')
    this.openCollection = open
    const ids: Record<string, string> = {}
    for (const name of [open, vault, gone]) {
      ids[name] = ((await this.call('POST', '/v1/collections', { name })) as { id: string }).id
    }
    const kept = this.#document('open', { team: 'blue' })
    const filtered = this.#document('filtered', { team: 'red' })
    const secret = this.#document('acl', { team: 'blue' }, this.hasAcl ? { acl: [this.group] } : undefined)
    const removed = this.#document('open', { team: 'blue' })
    const documents = [kept, filtered, removed, ...(this.hasAcl ? [secret] : [])]
    await this.call('PUT', `/v1/collections/${open}/documents`, { documents })
    await this.call('DELETE', `/v1/collections/${open}/documents/${removed.id}`)
    await this.call('PUT', `/v1/collections/${vault}/documents`, {
      documents: [this.#document('vault', { team: 'red' })],
    })
    // The job of a deleted collection stays, and tells that it was cancelled.
    await this.#makeJob(gone, this.#document('open', { team: 'blue' }))
    const jobs = {
      own: await this.#makeFilesJob(open, this.#plant('open', 'content')),
      hidden: await this.#makeFilesJob(vault, this.#plant('vault', 'content')),
    }
    await this.call('DELETE', `/v1/collections/${gone}`)
    this.places.set('collections/collection', { own: open, ownById: ids[open] ?? '', hidden: vault, deleted: gone })
    this.places.set('documents/id', { own: kept.id, hidden: filtered.id, deleted: removed.id })
    this.places.set('jobs/id', jobs)
    if (this.#tools.surface.operations.some(({ places }) => places.includes('sources/id'))) {
      const removedSource = await this.#makeSource(open)
      await this.call('DELETE', `/v1/collections/${open}/sources/${removedSource}`)
      this.places.set('sources/id', { own: await this.#makeSource(open), deleted: removedSource })
    }
  }

  #document(zone: Zone, metadata: object, more: object = {}): { readonly id: string } {
    const words = 'The heron nests by the weir and the ferry waits'
    return {
      id: this.#plant(zone, 'handle'),
      text: `${words} for ${this.#plant(zone, 'content')}.`,
      title: `Heron ${this.#plant(zone, 'content')}`,
      url: `https://${this.#plant(zone, 'content')}.example/`,
      metadata: { ...metadata, note: this.#plant(zone, 'content'), heron: { deep: [this.#plant(zone, 'content')] } },
      ...more,
    } as { readonly id: string }
  }

  async #makeSource(collection: string): Promise<string> {
    await this.#makeRoomForSources()
    const body = { kind: 'bucket', prefix: `${this.#tools.dice.letters(12)}/` }
    const made = await this.call('POST', `/v1/collections/${collection}/sources`, body)
    return (made as { source: { id: string } }).source.id
  }

  /** A tenant has so many sources and no more: what attempts have made goes, and what was planted stays. */
  async #makeRoomForSources(): Promise<void> {
    if (++this.#sourcesMade % SOURCES_BETWEEN_ROOM !== 0) return
    this.#spares.delete('sources/id')
    const { data } = (await this.call('GET', '/v1/collections?limit=1000')) as { data: { name: string }[] }
    for (const { name } of data.filter(({ name: spare }) => spare.startsWith('spare-'))) {
      const path = `/v1/collections/${name}/sources`
      // Another attempt may delete them, or all of the collection, meanwhile.
      const listed = await this.call('GET', `${path}?limit=1000`).catch(() => ({ data: [] }))
      for (const { id } of (listed as { data: { id: string }[] }).data) {
        await this.call('DELETE', `${path}/${id}`).catch(() => {})
      }
    }
  }

  async #makeJob(collection: string, document: object): Promise<string> {
    const { send } = this.#tools
    const answer = await send({
      method: 'PUT',
      path: `/v1/collections/${collection}/documents`,
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json', prefer: 'respond-async' },
      body: JSON.stringify({ documents: [document] }),
    })
    const job = (jsonOf(answer) as { job?: { id: string } } | undefined)?.job
    if (job === undefined) throw new Error(`planting: no job: ${answer.status} ${answer.text}`)
    return job.id
  }

  /** A job of one file that cannot be read, so that it can be tried again; over when it is handed out. */
  async #makeFilesJob(collection: string, name: string): Promise<string> {
    const answer = await this.#tools.send({
      method: 'POST',
      path: `/v1/collections/${collection}/files?name=${name}.gif`,
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'image/gif' },
      body: UNREADABLE,
    })
    const { job } = (jsonOf(answer) ?? {}) as { job?: { id: string } }
    if (job === undefined) throw new Error(`planting: no job of files: ${answer.status} ${answer.text}`)
    for (;;) {
      const { status } = (await this.call('GET', `/v1/jobs/${job.id}`)) as { status: string }
      if (status === 'failed') return job.id
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async #createKeys(): Promise<void> {
    const own = await this.makeKey({ name: this.#plant('control', 'content'), scopes: ['search'] })
    const deleted = await this.makeKey({ name: this.#plant('control', 'content'), scopes: ['search'] })
    await this.call('DELETE', `/v1/keys/${deleted.id}`, undefined, 'root')
    this.places.set('keys/id', { own: own.id, deleted: deleted.id })
  }

  async #deletedTenant(): Promise<string> {
    const id = this.#plant('tenant', 'handle')
    await this.call('POST', '/v1/tenants', { id, name: 'gone' }, 'root')
    await this.call('DELETE', `/v1/tenants/${id}`, undefined, 'root')
    return id
  }

  /** A place that this file does not know: made by the POST that stands above it in the document. */
  async #createGeneric(place: string): Promise<void> {
    if (MADE_BY[place] !== undefined) {
      this.places.set(place, { own: await this.#makeUnder(place, (parent) => this.places.get(parent)?.own ?? '') })
      return
    }
    const own = await this.#makeGeneric(place)
    const deleted = await this.#makeGeneric(place)
    await this.call('DELETE', `${this.#creatorOf(place).path}/${deleted}`, undefined, 'root')
    this.places.set(place, { own, deleted })
  }

  /** Makes a thing by a call on the thing that it belongs to, which is planted already. */
  async #makeUnder(place: string, parent: (place: string) => string): Promise<string> {
    const { under, call } = MADE_BY[place] ?? { under: '', call: '' }
    const [folder = ''] = under.split('/')
    return ((await this.call('POST', `/v1/${folder}/${parent(under)}/${call}`, undefined, 'root')) as { id: string }).id
  }

  #creatorOf(place: string): Operation {
    const [folder = ''] = place.split('/')
    const creator = this.#tools.surface.operations.find(
      ({ method, path }) => method === 'POST' && path === `/v1/${folder}`,
    )
    if (creator !== undefined) return creator
    throw new Error(
      `the adversary cannot plant "${place}": there is no POST /v1/${folder}; teach it to test/adversary/planted-tenant.ts`,
    )
  }

  async #makeGeneric(place: string): Promise<string> {
    const creator = this.#creatorOf(place)
    const body = this.#withCanaries(validBody(creator, this.#bodyContext()))
    // The root key administers suspended tenants, too.
    const as = isForRoot(creator) ? 'root' : 'tenant'
    const made = (await this.call('POST', creator.path, body, as).catch(async () => {
      await this.#prune(place, creator.path, as)
      return this.call('POST', creator.path, body, as)
    })) as { id?: unknown }
    if (typeof made.id === 'string') return made.id
    throw new Error(`planting: POST ${creator.path} answers no id`)
  }

  /** Makes room where a tenant may have only so many: what is not planted goes. */
  async #prune(place: string, path: string, as: 'root' | 'tenant'): Promise<void> {
    const { data } = (await this.call('GET', path, undefined, as)) as { data: readonly { id: string }[] }
    for (const { id } of data) {
      // What is the product's own is listed beside it, and stays.
      if (id !== this.places.get(place)?.own) await this.call('DELETE', `${path}/${id}`, undefined, as).catch(() => {})
    }
    this.#spares.clear()
  }

  /** Marks the free texts of an example, so that a leak of such a thing is seen. */
  #withCanaries(body: unknown): unknown {
    if (typeof body !== 'object' || body === null) return body
    const marked: Record<string, unknown> = { ...body }
    for (const name of ['name', 'description']) if (name in marked) marked[name] = this.#plant('control', 'content')
    if (typeof marked['url'] === 'string') marked['url'] = `${marked['url']}/${this.#plant('control', 'content')}`
    if ('apiKey' in marked) marked['apiKey'] = this.#plant('control', 'content')
    if ('baseUrl' in marked) marked['baseUrl'] = `https://${this.#plant('control', 'content')}.example/v1`
    return marked
  }

  #bodyContext(): { dice: Dice; query: string; collection: string; document: string } {
    return { dice: this.#tools.dice, query: 'heron', collection: this.openCollection, document: 'spare' }
  }

  /** Segments for an operation that may destroy what it names. The same again until `spend`. */
  async spareSegments({ places }: Operation): Promise<string[]> {
    const segments: string[] = []
    for (const place of places) segments.push(await this.#spare(place))
    return segments
  }

  spend({ places }: Operation): void {
    for (const place of places) this.#spares.delete(place)
  }

  async #spare(place: string): Promise<string> {
    const held = this.#spares.get(place)
    if (held !== undefined) return held
    const made = await this.#makeSpare(place)
    this.#spares.set(place, made)
    return made
  }

  async #makeSpare(place: string): Promise<string> {
    const { dice } = this.#tools
    if (place === 'collections/collection') {
      const name = `spare-${dice.letters(12)}`
      await this.call('POST', '/v1/collections', { name })
      for (const inside of ['documents/id', 'sources/id']) this.#spares.delete(inside)
      return name
    }
    if (place === 'documents/id') {
      const id = `spare-${dice.letters(12)}`
      const documents = [{ id, text: 'The heron waits.', metadata: { team: 'blue' } }]
      await this.call('PUT', `/v1/collections/${await this.#spare('collections/collection')}/documents`, { documents })
      return id
    }
    if (place === 'jobs/id') {
      return this.#makeFilesJob(await this.#spare('collections/collection'), `spare-${dice.letters(12)}`)
    }
    if (place === 'sources/id') return this.#makeSource(await this.#spare('collections/collection'))
    if (place === 'keys/id') return (await this.makeKey({ name: 'spare', scopes: ['search'] })).id
    if (place === 'tenants/id') {
      const id = `spare-${dice.letters(16)}`
      await this.call('POST', '/v1/tenants', { id, name: 'spare' }, 'root')
      return id
    }
    const { under } = MADE_BY[place] ?? {}
    if (under === undefined) return this.#makeGeneric(place)
    const parent = await this.#spare(under)
    return this.#makeUnder(place, () => parent)
  }

  /** Everything that the owner can read of what was planted, for comparing before and after. */
  async snapshot(): Promise<string> {
    const { operations } = this.#tools.surface
    const readable = operations.filter(
      ({ method, path, places }) =>
        method === 'GET' && places.length > 0 && !/\/(export|receipt|deliveries|events)$/.test(path),
    )
    const parts: string[] = []
    for (const operation of readable) {
      const isTenants = operation.places.includes('tenants/id')
      for (const which of ['own', 'hidden'] as const) {
        const places = operation.places.map((place) => this.places.get(place))
        if (which === 'hidden' && places.at(-1)?.hidden === undefined) continue
        const segments = places.map((place, i) => (i === places.length - 1 && place?.[which]) || place?.own || '')
        const path = filledPath(operation.path, segments)
        const read = await this.call('GET', path, undefined, isTenants ? 'root' : 'tenant')
        parts.push(`${path} ${JSON.stringify(read, ignoreVolatile)}`)
      }
    }
    return parts.join('\n')
  }
}
