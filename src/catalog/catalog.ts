/**
 * What exists? The control plane in D1: tenants, keys, collections with their generations, models, jobs, and the document
 * catalogue. Every call but the operator's takes the tenant's uid; nothing is looked up by a bare id, save a key.
 */
import type { Clock } from '../core/clock.ts'
import { Collections } from './collections.ts'
import { Connection } from './connection.ts'
import { DocumentCatalogue } from './document-catalogue.ts'
import { Jobs } from './jobs.ts'
import { Keys } from './keys.ts'
import { Models } from './models.ts'
import { Tenants } from './tenants.ts'
import { UsageDays } from './usage.ts'

/** Make one per isolate: it remembers that the schema was found current. */
export class Catalog {
  readonly tenants: Tenants
  /** Also the `KeyStore` of the authenticator. */
  readonly keys: Keys
  readonly collections: Collections
  readonly models: Models
  readonly jobs: Jobs
  readonly documents: DocumentCatalogue
  readonly usage: UsageDays
  readonly #connection: Connection

  constructor(database: D1Database, clock: Clock) {
    this.#connection = new Connection(database, clock)
    this.tenants = new Tenants(this.#connection)
    this.keys = new Keys(this.#connection)
    this.collections = new Collections(this.#connection)
    this.models = new Models(this.#connection)
    this.jobs = new Jobs(this.#connection)
    this.documents = new DocumentCatalogue(this.#connection)
    this.usage = new UsageDays(this.#connection)
  }

  /** The version that the last applied migration recorded; 0 for none. */
  schemaVersion(): Promise<number> {
    return this.#connection.schemaVersion()
  }

  /** @throws schema_out_of_date when the Worker is newer than its schema. One read per isolate, none after success. */
  requireSchema(): Promise<void> {
    return this.#connection.requireSchema()
  }
}
