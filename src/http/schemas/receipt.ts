/** The receipt of an erasure on the wire. */
import { z } from '@hono/zod-openapi'
import { time } from './fields.ts'
import { tenantId } from './tenant.ts'

export const receiptSchema = z
  .object({
    id: tenantId,
    startedAt: time,
    erasedAt: time,
    stores: z
      .object({
        shards: z.number().int().openapi({ description: 'Durable Objects emptied, with every document in them.' }),
        tenantObject: z.literal(true),
        originals: z.number().int().openapi({ description: 'Uploaded files deleted.' }),
        database: z
          .object({
            keys: z.number().int(),
            collections: z.number().int(),
            jobs: z.number().int(),
            documents: z.number().int(),
            usage: z.number().int(),
            models: z.number().int(),
          })
          .openapi({ description: 'Rows removed from D1.' }),
      })
      .openapi({ description: 'What was removed from where.' }),
    remains: z
      .array(z.object({ store: z.string(), what: z.string(), until: z.string() }))
      .openapi({ description: 'What an erasure cannot reach, and when it ends.' }),
    receipt: z.string().openapi({
      description: 'All of the above as a compact JWS (EdDSA); the keys are at `/.well-known/jwks.json`.',
    }),
  })
  .openapi('ErasureReceipt')
