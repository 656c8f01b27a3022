/** Tokens on the wire: what is asked for, and the one answer that shows it. */
import { z } from '@hono/zod-openapi'
import {
  MAX_KEY_LIST_ENTRIES,
  MAX_PRINCIPALS,
  MAX_PRINCIPAL_BYTES,
  MAX_TOKEN_LIFETIME_SECONDS,
} from '../../core/limits.ts'
import { filter, time } from './fields.ts'

const TOKEN_SCOPES = ['search', 'answer', 'documents:read', 'documents:write'] as const

const entry = z.string().min(1)

export const tokenRequestSchema = z
  .strictObject({
    ttlSeconds: z.number().int().min(1).max(MAX_TOKEN_LIFETIME_SECONDS).openapi({ description: 'How long it lives.' }),
    scopes: z
      .array(z.enum(TOKEN_SCOPES))
      .min(1)
      .max(TOKEN_SCOPES.length)
      .openapi({ description: 'What the token may do; within the scopes of its key.' }),
    collections: z
      .array(entry)
      .min(1)
      .max(MAX_KEY_LIST_ENTRIES)
      .optional()
      .openapi({
        description: 'Names, `prefix*` or ids, within those of the key; absent: every collection that the key reaches.',
        example: ['docs-*'],
      }),
    filter: filter.optional(),
    principals: z
      .array(entry)
      .max(MAX_PRINCIPALS)
      .optional()
      .openapi({
        description: `Entries of documents' \`acl\` that let the bearer in; at most ${MAX_PRINCIPAL_BYTES} bytes each.`,
        example: ['user:42', 'group:sales'],
      }),
    sub: entry.optional().openapi({
      description: `Who bears it, in your own words; at most ${MAX_PRINCIPAL_BYTES} bytes. Rates can be limited by it.`,
      example: 'user:42',
    }),
    origins: z
      .array(entry)
      .min(1)
      .max(MAX_KEY_LIST_ENTRIES)
      .optional()
      .openapi({
        description: 'Web origins that may use it, as for public keys; absent: any.',
        example: ['https://shop.example'],
      }),
  })
  .openapi('CreateToken')

export const createdTokenSchema = z
  .object({
    token: z.string().optional().openapi({ description: 'For `Authorization: Bearer`. Shown this once.' }),
    expiresAt: time,
    secretShown: z
      .literal(false)
      .optional()
      .openapi({ description: 'Stands instead of `token` where the answer is a replay.' }),
  })
  .openapi('CreatedToken')
