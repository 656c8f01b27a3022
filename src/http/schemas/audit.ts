/** The audit log on the wire. Lines go out exactly as they were hashed. */
import { z } from '@hono/zod-openapi'
import { DEFAULT_LIST_LIMIT, MAX_LIST_LIMIT } from '../../core/limits.ts'
import { integerParameter, pageOf, time } from './fields.ts'
import { timeInput } from './key.ts'

const sha256 = z.string().openapi({ description: '64 hex digits.', example: '9f86d081884c7d65…' })

export const auditLineSchema = z
  .object({
    sequence: z.number().int().openapi({ description: 'From 1, without gaps.' }),
    at: time,
    actor: z.object({
      kind: z.enum(['root', 'secret', 'public', 'token']),
      keyId: z.string().openapi({ description: "The key's 16 characters; of a token, of the key that signed it." }),
    }),
    action: z.string().openapi({
      description:
        '`<what>.<verb>`; `request.refused` is the first refusal of a key, code and minute, `request.refused_count` tells at its end how many they were.',
      example: 'key.create',
    }),
    subject: z
      .object({ type: z.string(), id: z.string() })
      .optional()
      .openapi({ description: 'What was acted on, where it has an id.' }),
    outcome: z.enum(['done', 'refused', 'failed', 'unknown']).openapi({
      description: '`failed`: a 5xx answer, a part may have happened; `unknown`: the Worker ended before it was told.',
    }),
    code: z.string().optional().openapi({ description: 'The problem that was answered.' }),
    reason: z.string().optional().openapi({ description: 'Why a credential came to nothing, such as `expired`.' }),
    requestId: z.string().optional().openapi({ description: '`X-Request-Id` of the answer.' }),
    digest: sha256.optional().openapi({ description: "SHA-256 of the request's body, in hex." }),
    count: z.number().int().optional().openapi({ description: 'Of `request.refused_count`: how many refusals.' }),
    previousHash: sha256,
    hash: sha256,
  })
  .openapi('AuditLine')

export const auditPageSchema = pageOf(auditLineSchema, 'AuditPage')

export const auditQuery = z.strictObject({
  limit: integerParameter(1, MAX_LIST_LIMIT, DEFAULT_LIST_LIMIT),
  cursor: z.string().optional().openapi({ description: '`nextCursor` of the page before.' }),
  from: timeInput.optional().openapi({ description: 'Lines of this time and later.' }),
  to: timeInput.optional().openapi({ description: 'Lines before this time.' }),
  action: z
    .string()
    .regex(/^[a-z_]{1,32}\.[a-z_]{1,32}$/, 'must be an action, such as key.create')
    .optional()
    .openapi({ description: 'Lines of this action.', example: 'key.create' }),
})

export const auditVerdictSchema = z
  .object({
    valid: z.boolean().openapi({ description: 'Every line is as it was written, and every signed head fits.' }),
    chain: z.string().openapi({ description: 'The name of this chain in its signed heads; 64 hex digits.' }),
    entries: z.number().int().openapi({ description: 'Lines of the chain.' }),
    head: z
      .object({ sequence: z.number().int(), hash: sha256 })
      .openapi({ description: 'The last line; of an empty chain sequence 0 and 64 zeros.' }),
    firstBroken: z
      .number()
      .int()
      .nullable()
      .openapi({ description: 'The first sequence at which the chain is not what was written.' }),
    signedHeads: z.object({
      count: z.number().int().openapi({ description: 'How many were signed.' }),
      valid: z.number().int().openapi({ description: 'How many of them fit.' }),
      latest: z
        .string()
        .nullable()
        .openapi({ description: 'The newest one: a compact JWS for the keys at `/.well-known/jwks.json`.' }),
    }),
  })
  .openapi('AuditVerdict')
