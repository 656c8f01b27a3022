/** `POST /v1/keys/{id}/rotate`. */
import { z } from '@hono/zod-openapi'
import { rfc3339 } from '../../core/clock.ts'
import { MAX_ROTATION_GRACE_SECONDS } from '../../core/limits.ts'
import { Problem } from '../../core/problem.ts'
import { issueKey } from '../../tenancy/issue-key.ts'
import { requireNotWider } from '../../tenancy/new-key.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { rotatedKeySchema } from '../schemas/key.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

const schema = z
  .strictObject({
    graceSeconds: z.int().min(0).max(MAX_ROTATION_GRACE_SECONDS).default(0).openapi({
      description: 'How long the secret before it, and the tokens that it signed, live on.',
    }),
  })
  .openapi('RotateKey')

export const rotateKey = defineRoute({
  method: 'post',
  path: '/v1/keys/{id}/rotate',
  operationId: 'rotateKey',
  tag: 'keys',
  summary: 'Give a key a new secret',
  description:
    'The id stays, the version rises, the new secret is shown this once. A secret older than the one before ends at once. Holds everywhere within 10 seconds. A key that is wider than the key that asks is 403, as its secret would be.',
  access: { kind: 'admin' },
  audit: { action: 'key.rotate', subject: named('key') },
  body: { schema, example: { graceSeconds: 3600 } },
  responses: { 201: { description: 'The new secret.', schema: rotatedKeySchema } },
  async handle({ params, body, principal, operationId }, { authenticator, catalog, sealer }) {
    const { uid } = requireTenant(principal)
    const before = await catalog.keys.find(uid, params.id)
    if (before === undefined) throw new Problem('not_found')
    requireNotWider(before, principal)
    const issued = await issueKey(sealer, before.kind, before.id)
    const rotation = { operationId, graceMs: body.graceSeconds * 1000 }
    const rotated = await catalog.keys.rotate(uid, issued, rotation)
    if (rotated === undefined) throw new Problem('not_found')
    authenticator.forgetKey(before.id)
    const { record, previousUntilMs } = rotated
    const shown = {
      id: record.id,
      version: record.version,
      previousSecretUntil: previousUntilMs === undefined ? null : rfc3339(previousUntilMs),
    }
    return {
      status: 201,
      body: { ...shown, secret: issued.key.text },
      replayBody: { ...shown, secretShown: false },
    }
  },
})
