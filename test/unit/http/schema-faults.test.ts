import { z } from '@hono/zod-openapi'
import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { parseWith } from '../../../src/http/schema-faults.ts'

const schema = z.strictObject({
  name: z.string().min(2),
  count: z.number().int().min(1).max(5).optional(),
  model: z.union([z.literal('a'), z.strictObject({ provider: z.literal('own'), size: z.number() })]).optional(),
  items: z
    .array(z.strictObject({ id: z.string() }))
    .max(2)
    .optional(),
})

function faultsOf(value: unknown, notYet: string[] = []): { code: string; faults: Record<string, string> } {
  try {
    parseWith(schema, value, notYet)
    return { code: 'none', faults: {} }
  } catch (error) {
    const problem = asProblem(error)
    const faults = Object.fromEntries(problem?.errors?.map(({ pointer, detail }) => [pointer, detail]) ?? [])
    return { code: problem?.code ?? 'not a problem', faults }
  }
}

describe('parseWith', () => {
  it('names each fault by its pointer, in plain words', () => {
    const { code, faults } = faultsOf({ name: 'x', count: 9, items: [{ id: 1, 'a/b': 2 }], colour: 'red' })
    expect(code).toBe('invalid_request')
    expect(faults).toEqual({
      '/name': 'must be at least 2 characters long',
      '/count': 'must be at most 5',
      '/items/0/id': 'must be a string',
      '/items/0/a~1b': 'is not a known field',
      '/colour': 'is not a known field',
    })
  })

  it('says what is missing, and of the body itself what it must be', () => {
    expect(faultsOf({}).faults).toEqual({ '/name': 'is required' })
    expect(faultsOf([]).faults).toEqual({ '': 'must be an object' })
    expect(faultsOf(null).faults).toEqual({ '': 'must be an object' })
  })

  it('points inside the branch of a union that was meant', () => {
    expect(faultsOf({ name: 'xx', model: { provider: 'own', size: 'big' } }).faults).toEqual({
      '/model/size': 'must be a number',
    })
    expect(Object.keys(faultsOf({ name: 'xx', model: 7 }).faults)).toEqual(['/model'])
  })

  it('says what a union would take, and that it is required where nothing is there', () => {
    const input = z.union([z.string().min(1), z.array(z.string())])
    const kind = z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('sea') }),
      z.strictObject({ kind: z.literal('land') }),
    ])
    const either = z.strictObject({ input, kind: kind.optional() })
    const faults = (value: unknown) => {
      try {
        return parseWith(either, value)
      } catch (error) {
        return asProblem(error)?.errors?.map(({ pointer, detail }) => `${pointer} ${detail}`)
      }
    }
    expect(faults({})).toEqual(['/input is required'])
    expect(faults({ input: null })).toEqual(['/input must be a string or an array'])
    expect(faults({ input: 'x', kind: {} })).toEqual(['/kind/kind is required'])
    expect(faults({ input: 'x', kind: { kind: 'air' } })).toEqual(['/kind/kind must be "sea" or "land"'])
    expect(faults({ input: 'x', kind: 7 })).toEqual(['/kind must be an object'])
  })

  it('answers not_supported only when nothing else is wrong', () => {
    const notYet = ['/region', '/items/*/acl']
    expect(faultsOf({ name: 'xx', region: 'eu', items: [{ id: 'a', acl: [] }] }, notYet)).toEqual({
      code: 'not_supported',
      faults: { '/region': 'is not supported yet', '/items/0/acl': 'is not supported yet' },
    })
    expect(faultsOf({ name: 'xx', region: 'eu', colour: 1 }, notYet).code).toBe('invalid_request')
  })
})
