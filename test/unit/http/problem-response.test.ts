/** What a refusal says to somebody who reads its `detail` and nothing else. */
import { describe, expect, it } from 'vitest'
import { newRequestId } from '../../../src/core/ids.ts'
import { invalidField, Problem } from '../../../src/core/problem.ts'
import { problemBody } from '../../../src/http/problem-response.ts'

const detailOf = (problem: Problem): string => problemBody(problem, { requestId: newRequestId() }).detail

describe('the detail of a problem', () => {
  it('names the one field that is at fault', () => {
    expect(detailOf(invalidField('/name', 'is in use', 'conflict'))).toBe('/name is in use')
  })

  it('is left alone where it is a sentence by itself', () => {
    expect(detailOf(invalidField('', 'the body must be an object'))).toBe('the body must be an object')
    expect(detailOf(new Problem('not_found'))).toBe('there is nothing here')
    const errors = [{ pointer: '/a', detail: 'is required' }]
    expect(detailOf(new Problem('invalid_request', '/a is required', { errors }))).toBe('/a is required')
  })

  it('is repeated as the message where clients of other services ask', () => {
    const asked = { requestId: newRequestId() }
    const problem = invalidField('/input', 'is required')
    expect(problemBody(problem, { ...asked, saysMessage: true }).message).toBe('/input is required')
    expect(problemBody(problem, asked)).not.toHaveProperty('message')
  })
})
