/** The one place where a thrown value becomes an answer: RFC 9457 `application/problem+json`. */
import { z } from '@hono/zod-openapi'
import { asProblem, Problem, PROBLEMS } from '../core/problem.ts'
import type { ProblemCode } from '../core/problem.ts'
import type { Exchange } from './exchange.ts'

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** Every refusal on the wire. */
export const problemSchema = z
  .object({
    type: z.string().openapi({ description: 'A stable URL that ends in the code and explains it.' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    message: z.string().optional().openapi({
      description: 'The same as `detail`; of embeddings and reranking only, whose clients are those of other services.',
    }),
    instance: z.string(),
    code: z.string().openapi({ description: 'Never reused for another meaning; branch on this.' }),
    requestId: z.string(),
    retryAfterSeconds: z.number().int().optional(),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .openapi({ description: 'The faults of the request, each with its JSON Pointer (RFC 6901).' }),
  })
  .openapi('Problem', {
    example: {
      type: '/problems/invalid_request',
      title: PROBLEMS.invalid_request.title,
      status: 400,
      detail: PROBLEMS.invalid_request.title,
      instance: 'urn:nearfield:request:req_0123456789abcdef',
      code: 'invalid_request',
      requestId: 'req_0123456789abcdef',
      errors: [{ pointer: '/limit', detail: 'must be at most 1000' }],
    },
  })

export const problemPath = (code: ProblemCode): string => `/problems/${code}`

/** Turns whatever was thrown into a problem; what is not one is a bug and becomes a bare `internal`. */
export function toProblem(error: unknown): Problem {
  return asProblem(error) ?? new Problem('internal')
}

/** Whom a problem answers. */
type Asked = Pick<Exchange, 'requestId' | 'saysMessage'>

export function problemBody(
  problem: Problem,
  { requestId, saysMessage = false }: Asked,
): z.infer<typeof problemSchema> {
  const { code, errors, retryAfterSeconds } = problem
  const { status, title } = PROBLEMS[code]
  const detail = detailOf(problem)
  return {
    type: problemPath(code),
    title,
    status,
    detail,
    ...(saysMessage ? { message: detail } : {}),
    instance: `urn:nearfield:request:${requestId}`,
    code,
    requestId,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(errors === undefined ? {} : { errors: [...errors] }),
  }
}

/** A sentence that says of itself which field it speaks of, for whoever reads nothing else. */
function detailOf({ message, errors = [] }: Problem): string {
  const [fault] = errors
  return fault !== undefined && fault.pointer !== '' && message === fault.detail
    ? `${fault.pointer} ${message}`
    : message
}

/** The whole answer as plain data. */
export function problemAnswer(
  problem: Problem,
  asked: Asked,
): { status: number; headers: Record<string, string>; body: string } {
  const { status, retryable } = PROBLEMS[problem.code]
  const retryAfterSeconds = problem.retryAfterSeconds ?? (retryable && status !== 500 ? 1 : undefined)
  return {
    status,
    headers: {
      'content-type': PROBLEM_MEDIA_TYPE,
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    },
    body: JSON.stringify(problemBody(problem, asked)),
  }
}
