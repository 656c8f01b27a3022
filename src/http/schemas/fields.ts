/** Pieces that several schemas are made of. Numbers out of range are refused, never clamped. */
import { z } from '@hono/zod-openapi'
import type { JsonObject } from '../../core/canonical-json.ts'
import { isJsonObject } from '../../core/faults.ts'
import { DEFAULT_LIST_LIMIT, MAX_LIST_LIMIT, MAX_NAME_LENGTH } from '../../core/limits.ts'
import type { SCOPES } from '../../tenancy/scopes.ts'

const SCOPE_NAMES = [
  'search',
  'answer',
  'documents:read',
  'documents:write',
  'collections',
  'admin',
] as const satisfies typeof SCOPES

export const displayName = z
  .string()
  .min(1)
  .max(MAX_NAME_LENGTH)
  .openapi({ description: 'For people; need not be unique.' })

export const scopes = z
  .array(z.enum(SCOPE_NAMES))
  .min(1)
  .max(SCOPE_NAMES.length)
  .openapi({ description: 'What the key may do; scopes do not imply one another.' })

export const time = z.string().openapi({ format: 'date-time', description: 'RFC 3339, UTC.' })

/** Takes an object as it is: copying it key by key would lose names such as `__proto__`. */
export const jsonObject = z
  .custom<JsonObject>(isJsonObject, 'must be an object')
  .openapi({ type: 'object', additionalProperties: true })

export const filter = jsonObject.openapi({
  description:
    'MongoDB semantics: `$eq $ne $in $nin $gt $gte $lt $lte $exists $contains $prefix $and $or $not`; a bare field is metadata, `$id` the document id.',
  example: { year: { $gte: 2020 }, tags: 'sea' },
})

/** An integer in a query string. */
export const integerParameter = (least: number, most: number, byDefault: number) =>
  z
    .string()
    .regex(/^[0-9]{1,9}$/, `must be an integer from ${least} to ${most}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be an integer from ${least} to ${most}`)
    .optional()
    .openapi({ type: 'integer', minimum: least, maximum: most, default: byDefault })

export const pageQuery = z.strictObject({
  limit: integerParameter(1, MAX_LIST_LIMIT, DEFAULT_LIST_LIMIT),
  cursor: z.string().optional().openapi({ description: '`nextCursor` of the page before.' }),
})

export const pageOf = <Item extends z.ZodType>(item: Item, name: string) =>
  z
    .object({
      data: z.array(item),
      nextCursor: z.string().nullable().openapi({ description: '`null` at the end.' }),
    })
    .openapi(name)

/** Where a chunk of a file stands in it; documents that come from no file have none of these. */
export const locationFields = {
  page: z.number().int().min(1).optional().openapi({ description: 'Page or slide of its file, from 1.' }),
  sheet: z.string().optional().openapi({ description: 'Name of a sheet of its file.' }),
  row: z.number().int().min(1).optional().openapi({ description: 'Row or line of its file, from 1.' }),
  startTime: z.number().min(0).optional().openapi({ description: 'Seconds from the beginning of the recording.' }),
  endTime: z.number().min(0).optional(),
}

/** Under what terms the weights of a model may be used. */
export const licence = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$/, 'must be an SPDX identifier')
  .openapi({ description: 'SPDX identifier; `unknown` unless told.', example: 'CC-BY-SA-4.0' })
