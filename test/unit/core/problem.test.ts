import { describe, expect, it } from 'vitest'
import { invariant, unreachable } from '../../../src/core/invariant.ts'
import { asProblem, invalidField, Problem, PROBLEMS } from '../../../src/core/problem.ts'

/** What a Durable Object's RPC does to an error: own properties stay, the class is lost. */
function acrossRpc(error: Error): Error {
  const copy: Error = structuredClone(error)
  expect(copy).not.toBeInstanceOf(Problem)
  return Object.assign(copy, Object.fromEntries(Object.entries(error)), { name: error.name, remote: true })
}

describe('a problem', () => {
  it('says its title unless a detail is given', () => {
    expect(new Problem('not_found').message).toBe('there is nothing here')
    expect(new Problem('overloaded', 'busy', { retryAfterSeconds: 3 })).toMatchObject({
      code: 'overloaded',
      message: 'busy',
      retryAfterSeconds: 3,
    })
  })

  it('names one field of a request', () => {
    const problem = invalidField('/documents/3/text', 'must not be empty')
    expect(problem.code).toBe('invalid_request')
    expect(problem.errors).toEqual([{ pointer: '/documents/3/text', detail: 'must not be empty' }])
    expect(invalidField('/vector', 'has 3 dimensions', 'dimension_mismatch').code).toBe('dimension_mismatch')
  })

  it('is recognised after it crossed objects, with all that it said', () => {
    const problem = new Problem('invalid_request', 'no', {
      errors: [{ pointer: '/a', detail: 'b' }],
      retryAfterSeconds: 1,
    })
    const rebuilt = asProblem(acrossRpc(problem))
    expect(rebuilt).toBeInstanceOf(Problem)
    expect(rebuilt).toMatchObject({
      code: 'invalid_request',
      message: 'no',
      errors: problem.errors,
      retryAfterSeconds: 1,
    })
    expect(rebuilt).not.toHaveProperty('remote')
    expect(asProblem(acrossRpc(new Problem('not_found')))?.code).toBe('not_found')
    expect(asProblem(problem)).toBe(problem)
  })

  it('is nothing else', () => {
    for (const other of [
      undefined,
      null,
      'Problem',
      new Error('x'),
      { name: 'Problem', code: 'made_up', message: '' },
      { name: 'Problem', code: 'toString', message: '' },
      { name: 'Error', code: 'not_found', message: '' },
    ]) {
      expect(asProblem(other)).toBeUndefined()
    }
  })

  it('has a status and a lower-case title for every code', () => {
    for (const [code, { status, title }] of Object.entries(PROBLEMS)) {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(status).toBeLessThan(600)
      expect(title).toMatch(/^[a-z]/)
    }
  })
})

describe('invariants', () => {
  it('throw what should have held', () => {
    expect(() => invariant(true, 'never')).not.toThrow()
    expect(() => invariant(0, 'there is one')).toThrow('invariant: there is one')
    expect(() => unreachable('x' as never)).toThrow(/unreachable/)
  })
})
