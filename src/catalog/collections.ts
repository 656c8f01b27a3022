/**
 * Collections and their generations. A deleted collection's name is free at once; its row, marked, is the memory that its
 * shards are still to be erased, and goes when they are.
 */
import { and, asc, eq, gt, isNotNull, isNull, sql } from 'drizzle-orm'
import { newCollectionId, newGenerationId } from '../core/ids.ts'
import type { CollectionId, TenantUid } from '../core/ids.ts'
import { invariant } from '../core/invariant.ts'
import { invalidField, Problem } from '../core/problem.ts'
import { productModel, productSource } from '../models/product-models.ts'
import type { EmbeddingModel } from '../models/model.ts'
import type { Connection } from './connection.ts'
import { isUniqueViolation } from './connection.ts'
import { cancelRestOf } from './jobs.ts'
import { pageOf } from './paging.ts'
import { insertModel } from './models.ts'
import type { NewModel } from './models.ts'
import type {
  CollectionRecord,
  CollectionSettings,
  GenerationRecord,
  ModelChoice,
  Page,
  PageRequest,
} from './records.ts'
import { collections, documents, generations, models, tenants } from './schema.ts'

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/

export const COLLECTION_NAME_RULE = 'must match [a-z0-9][a-z0-9_-]{0,62} and not begin with col_'

export const isCollectionName = (text: string): boolean => NAME.test(text) && !text.startsWith('col_')

export interface NewCollection {
  readonly tenantUid: TenantUid
  readonly name: string
  readonly language: string
  readonly settings: CollectionSettings
  readonly generation: Omit<GenerationRecord, 'id'>
  /** See `CollectionRecord`. */
  readonly modelChoice?: ModelChoice
  /** A model of the collection's own, which `generation.model` is: made with it, gone with it. */
  readonly ownModel?: NewModel & { readonly uid: string }
  /** From `runIdempotent`: creating with the same one again answers the collection made the first time. */
  readonly operationId?: string
}

export interface CollectionChanges {
  readonly name?: string
  readonly language?: string
  readonly settings?: CollectionSettings
}

export interface CollectionPageRequest extends PageRequest {
  /** Only those that each of these lists of names, ids and `prefix*` patterns reaches: a key's, and a token's beside it. */
  readonly only?: readonly (readonly string[])[]
}

/** Rows of the document catalogue removed by one statement. */
const PURGE_BATCH = 5_000

type GenerationRow = typeof generations.$inferSelect
type ModelRow = typeof models.$inferSelect
type Row = { collection: typeof collections.$inferSelect; generation: GenerationRow; model: ModelRow | null }

export class Collections {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * @throws conflict when the name is in use; unauthorized when the tenant was deleted meanwhile, invalid_request when the
   * model was
   */
  async create(made: NewCollection): Promise<CollectionRecord> {
    const { tenantUid, name, language, settings, generation, modelChoice = null, ownModel, operationId } = made
    const { model } = generation
    const nowMs = this.#connection.clock()
    const id = operationId === undefined ? newCollectionId() : (`col_${operationId}` as CollectionId)
    const generationId = operationId === undefined ? newGenerationId() : `gen_${operationId}`
    // A key outlives its tenant by up to 10 s in some isolate: nothing may be made for a tenant that is being erased.
    // Nor with a model that is deleted at the same moment.
    const modelLives =
      productSource(model.uid) === undefined
        ? sql`EXISTS (SELECT 1 FROM models WHERE uid = ${model.uid} AND tenant_uid = ${tenantUid})`
        : sql`true`
    const mayBe = sql`EXISTS (SELECT 1 FROM ${tenants} WHERE uid = ${tenantUid} AND deleted_at_ms IS NULL) AND ${modelLives}`
    try {
      await this.#connection.batch(
        ...(ownModel === undefined ? [] : [insertModel(ownModel, nowMs)]),
        sql`INSERT INTO generations
              (id, collection_id, profile_id, dimensions, profile, model_uid, chunking, shards, precision, created_at_ms)
            SELECT ${generationId}, ${id}, ${generation.profileId}, ${generation.dimensions},
              ${JSON.stringify(model.profile)}, ${model.uid},
              ${JSON.stringify(generation.chunking)}, ${generation.shards}, ${generation.precision}, ${nowMs}
            WHERE ${mayBe}`,
        sql`INSERT INTO collections
              (id, tenant_uid, name, placement_epoch, language, settings, generation_id, model_choice, created_at_ms,
                updated_at_ms)
            SELECT ${id}, ${tenantUid}, ${name}, 1, ${language}, ${JSON.stringify(settings)}, ${generationId},
              ${modelChoice}, ${nowMs}, ${nowMs}
            WHERE ${mayBe}`,
      )
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      const existing = operationId === undefined ? undefined : await this.find(tenantUid, id)
      if (existing !== undefined) return existing
      throw new Problem('conflict', 'the name is in use', { errors: [{ pointer: '/name', detail: 'is in use' }] })
    }
    const created = await this.find(tenantUid, id)
    if (created !== undefined) return created
    const owners = await this.#connection.run((db) =>
      db
        .select({ id: tenants.id })
        .from(tenants)
        .where(and(eq(tenants.uid, tenantUid), isNull(tenants.deletedAtMs))),
    )
    if (owners.length === 0) throw new Problem('unauthorized')
    throw invalidField('/model', 'was deleted meanwhile')
  }

  /** By name, or by id (`col_…`), which no name can spell. */
  async find(tenantUid: TenantUid, reference: string): Promise<CollectionRecord | undefined> {
    const isId = reference.startsWith('col_')
    const named = isId ? eq(collections.id, reference as CollectionId) : eq(collections.name, reference)
    const rows = await this.#select((query) =>
      query.where(and(eq(collections.tenantUid, tenantUid), named, isNull(collections.deletedAtMs))),
    )
    return rows[0]
  }

  /** By name, ascending. */
  async list(
    tenantUid: TenantUid,
    { limit, after = '', only = [] }: CollectionPageRequest,
  ): Promise<Page<CollectionRecord>> {
    const rows = await this.#select((query) =>
      query
        .where(
          and(
            eq(collections.tenantUid, tenantUid),
            gt(collections.name, after),
            isNull(collections.deletedAtMs),
            ...only.map(reachedBy),
          ),
        )
        .orderBy(asc(collections.name))
        .limit(limit + 1),
    )
    return pageOf(rows, limit, ({ name }) => name)
  }

  /** `undefined` when there is no such collection. @throws conflict when the new name is in use. */
  async update(
    tenantUid: TenantUid,
    id: CollectionId,
    changes: CollectionChanges,
  ): Promise<CollectionRecord | undefined> {
    try {
      const { meta } = await this.#connection.run((db) =>
        db
          .update(collections)
          .set({ ...changes, updatedAtMs: this.#connection.clock() })
          .where(live(tenantUid, id)),
      )
      return meta.changes === 0 ? undefined : await this.find(tenantUid, id)
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      throw new Problem('conflict', 'the name is in use', { errors: [{ pointer: '/name', detail: 'is in use' }] })
    }
  }

  /**
   * Makes a choice that is open: the collection is built with `model`, a product's one of the same dimensions, for good. The
   * first of several at the same time decides, and all get what was decided. A provisional generation of another model is
   * replaced; nothing was ever stored in it. `undefined` when there is no such collection.
   */
  async chooseModel(
    tenantUid: TenantUid,
    id: CollectionId,
    { uid, profile }: EmbeddingModel,
  ): Promise<CollectionRecord | undefined> {
    const nowMs = this.#connection.clock()
    const generationId = newGenerationId()
    const open = sql`id = ${id} AND tenant_uid = ${tenantUid} AND model_choice = 'open' AND deleted_at_ms IS NULL`
    await this.#connection.batch(
      sql`INSERT INTO generations
            (id, collection_id, profile_id, dimensions, profile, model_uid, chunking, shards, precision, created_at_ms)
          SELECT ${generationId}, collection_id, ${profile.id}, dimensions, ${JSON.stringify(profile)}, ${uid},
            chunking, shards, precision, ${nowMs}
          FROM generations WHERE id = (SELECT generation_id FROM collections WHERE ${open}) AND profile_id <> ${profile.id}`,
      sql`UPDATE collections SET model_choice = 'by_language', updated_at_ms = ${nowMs},
            generation_id = coalesce((SELECT id FROM generations WHERE id = ${generationId}), generation_id)
          WHERE ${open}`,
      sql`DELETE FROM generations WHERE collection_id = ${id} AND id <> ${generationId}
          AND EXISTS (SELECT 1 FROM generations WHERE id = ${generationId})`,
    )
    return this.find(tenantUid, id)
  }

  /**
   * The first step of a deletion: the collection is gone for every reader. The caller then erases the shards and calls
   * `purge`; where a crash comes between, `unfinishedDeletions` still names it. False when there was none.
   */
  async markDeleted(tenantUid: TenantUid, id: CollectionId): Promise<boolean> {
    const { meta } = await this.#connection.run((db) =>
      db.update(collections).set({ deletedAtMs: this.#connection.clock() }).where(live(tenantUid, id)),
    )
    return meta.changes > 0
  }

  /** The tenant's collections whose shards are still to be erased. */
  async unfinishedDeletions(tenantUid: TenantUid): Promise<readonly CollectionRecord[]> {
    return this.#select((query) =>
      query
        .where(and(eq(collections.tenantUid, tenantUid), isNotNull(collections.deletedAtMs)))
        .orderBy(asc(collections.id)),
    )
  }

  /**
   * The last step of a deletion, once the shards are empty. Only a collection marked deleted is removed; its jobs stay,
   * as ended, for those who were given their ids. Safe to repeat. Answers how many rows the document catalogue lost.
   */
  async purge(tenantUid: TenantUid, id: CollectionId): Promise<number> {
    const marked = sql`(SELECT id FROM collections
      WHERE id = ${id} AND tenant_uid = ${tenantUid} AND deleted_at_ms IS NOT NULL)`
    let purgedDocuments = 0
    await this.#connection.run(async (db) => {
      for (;;) {
        const batch = sql`(SELECT rowid FROM documents WHERE collection_id IN ${marked} LIMIT ${PURGE_BATCH})`
        const { meta } = await db.delete(documents).where(sql`rowid IN ${batch}`)
        purgedDocuments += meta.changes
        if (meta.changes < PURGE_BATCH) break
      }
    })
    await this.#connection.batch(
      ...cancelRestOf(sql`collection_id IN ${marked}`, this.#connection.clock()),
      sql`DELETE FROM models WHERE name IS NULL AND tenant_uid = ${tenantUid}
        AND uid IN (SELECT model_uid FROM generations WHERE collection_id IN ${marked})`,
      sql`DELETE FROM generations WHERE collection_id IN ${marked}`,
      sql`DELETE FROM collections WHERE id IN ${marked}`,
    )
    return purgedDocuments
  }

  async #select(refine: (query: Query) => PromiseLike<Row[]>): Promise<CollectionRecord[]> {
    const rows = await this.#connection.run(async (db) => refine(joined(db)))
    return rows.map(recordOf)
  }
}

const joined = (db: Connection['db']) =>
  db
    .select({ collection: collections, generation: generations, model: models })
    .from(collections)
    .innerJoin(generations, eq(generations.id, collections.generationId))
    .leftJoin(models, and(eq(models.uid, generations.modelUid), eq(models.tenantUid, collections.tenantUid)))

type Query = ReturnType<typeof joined>

const live = (tenantUid: TenantUid, id: CollectionId) =>
  and(eq(collections.tenantUid, tenantUid), eq(collections.id, id), isNull(collections.deletedAtMs))

/** The same rule as `matchesCollection` in `tenancy/principal.ts`, as SQL, so that pages stay full. */
const reachedBy = (patterns: readonly string[]) => sql`EXISTS (
  SELECT 1 FROM json_each(${JSON.stringify(patterns)}) AS pattern WHERE pattern.value IN (collections.name, collections.id)
  OR (substr(pattern.value, -1) = '*'
    AND substr(collections.name, 1, length(pattern.value) - 1) = substr(pattern.value, 1, length(pattern.value) - 1)))`

/** Rows of releases that knew the product's own models only name nothing but a profile. */
function modelOf({ profileId, dimensions, profile, modelUid }: GenerationRow, row: ModelRow | null): EmbeddingModel {
  const uid = modelUid ?? profileId
  const source = row?.source ?? productSource(uid)
  const known = profile ?? productModel(profileId, dimensions)?.profile
  invariant(source !== undefined && known !== undefined, "a generation's model is known")
  return { uid, task: 'embed', source, profile: known }
}

function recordOf({ collection, generation, model: modelRow }: Row): CollectionRecord {
  invariant(generation.collectionId === collection.id, 'a generation belongs to its collection')
  const { id: generationId, profileId, dimensions, chunking, shards, precision } = generation
  const { id, tenantUid, name, placementEpoch, language, settings, modelChoice, createdAtMs, updatedAtMs } = collection
  return {
    id,
    tenantUid,
    name,
    placementEpoch,
    language,
    settings,
    generation: {
      id: generationId,
      model: modelOf(generation, modelRow),
      ...(typeof modelRow?.name === 'string' ? { modelName: modelRow.name } : {}),
      profileId,
      dimensions,
      chunking,
      shards,
      precision,
    },
    ...(modelChoice === null ? {} : { modelChoice }),
    createdAtMs,
    updatedAtMs,
  }
}
