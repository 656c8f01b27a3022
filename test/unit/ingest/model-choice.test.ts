/** When documents choose a collection's model, and what they are told where there is nothing to choose. */
import { describe, expect, it } from 'vitest'
import type { CollectionRecord } from '../../../src/catalog/records.ts'
import { asIfChosen, withModelChosen, type ModelChoiceStores } from '../../../src/ingest/model-choice.ts'
import type { EmbeddingModel } from '../../../src/models/model.ts'
import { collectionRecord, problemOf } from './fake-ingest.ts'

const ARABIC = [{ text: 'تغادر العبارة الميناء في الساعة التاسعة صباحا، وتعود الأخيرة عندما يحل الظلام على الماء.' }]
const ENGLISH = [{ text: 'The ferry leaves the harbour at nine, and the last one comes back when it is dark.' }]

const open: CollectionRecord = { ...collectionRecord(1, 'edge-en', 384), modelChoice: 'open' }

/** A catalogue that notes what is asked of it, and answers with a record of its own. */
function catalogue(answer: CollectionRecord | undefined): { asked: string[]; stores: ModelChoiceStores } {
  const asked: string[] = []
  const chooseModel = (_tenant: string, _id: string, { uid }: EmbeddingModel) => {
    asked.push(uid)
    return Promise.resolve(answer)
  }
  return { asked, stores: { collections: { chooseModel } } }
}

describe('documents of a collection', () => {
  it('choose its model while that is open, and go by what was decided', async () => {
    const decided: CollectionRecord = { ...open, modelChoice: 'by_language', name: 'decided' }
    const { asked, stores } = catalogue(decided)
    expect(await withModelChosen(stores, open, ARABIC)).toBe(decided)
    expect(await withModelChosen(stores, open, ENGLISH)).toBe(decided)
    expect(asked).toEqual(['edge-multilingual', 'edge-en'])
  })

  it('choose by the language that the collection has, where it has one by now', async () => {
    const { asked, stores } = catalogue(open)
    await withModelChosen(stores, { ...open, language: 'ar' }, ENGLISH)
    await withModelChosen(stores, { ...open, language: 'en-GB' }, ARABIC)
    expect(asked).toEqual(['edge-multilingual', 'edge-en'])
  })

  it('ask nobody where it was chosen or named', async () => {
    const { asked, stores } = catalogue(undefined)
    const { modelChoice: _, ...named } = open
    for (const collection of [named, { ...open, modelChoice: 'by_language' as const }]) {
      expect(await withModelChosen(stores, collection, ARABIC)).toBe(collection)
      expect(asIfChosen(collection, ARABIC)).toBe(collection)
    }
    expect(asked).toEqual([])
  })

  it('are refused when the collection is gone', async () => {
    const { stores } = catalogue(undefined)
    expect((await problemOf(withModelChosen(stores, open, ARABIC))).code).toBe('not_found')
  })

  it('are tried out with the model that they would choose, which stays open', () => {
    const tried = asIfChosen(open, ARABIC)
    expect(tried.modelChoice).toBe('open')
    expect(tried.generation).toMatchObject({ profileId: 'edge-multilingual', model: { uid: 'edge-multilingual' } })
    expect(tried.generation.id).toBe(open.generation.id)
  })
})
