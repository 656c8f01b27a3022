/** `GET /v1/keys`. */
import { z } from '@hono/zod-openapi'
import type { KeySelection } from '../../catalog/keys.ts'
import type { KeyRecord, Page, PageRequest } from '../../catalog/records.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { listPage } from '../list-page.ts'
import { pageQuery } from '../schemas/fields.ts'
import { keyPageSchema, keyView } from '../schemas/key.ts'
import { defineRoute } from '../route.ts'

/** As people copy it: the id's beginning, with or without the characters in front of it; never the secret behind it. */
const PREFIX = /^(?:nf_(?<mark>sk|pk)_)?(?<id>[0-9A-Za-z]{0,16})$/

const query = pageQuery.extend({
  prefix: z.string().regex(PREFIX, 'must be how an id begins, or how a key begins up to its id').optional().openapi({
    description: 'Keys whose id begins so; `nf_sk_…` and `nf_pk_…` up to the end of the id are taken as well.',
    example: 'x7Qm',
  }),
})

function selection(prefix: string | undefined): KeySelection {
  const { mark, id } = PREFIX.exec(prefix ?? '')?.groups ?? {}
  return {
    ...(id === undefined ? {} : { prefix: id }),
    ...(mark === undefined ? {} : { kind: mark === 'sk' ? 'secret' : 'public' }),
  }
}

export const listKeys = defineRoute({
  method: 'get',
  path: '/v1/keys',
  operationId: 'listKeys',
  tag: 'keys',
  summary: 'List keys',
  access: { kind: 'admin' },
  query,
  responses: { 200: { description: 'By id, ascending; revoked keys are left out.', schema: keyPageSchema } },
  async handle({ query: { prefix, ...page }, principal }, { catalog, sealer }) {
    const { uid } = requireTenant(principal)
    const read = (request: PageRequest): Promise<Page<KeyRecord>> => catalog.keys.list(uid, request, selection(prefix))
    return { status: 200, body: await listPage(sealer, `keys/${uid}/${prefix ?? ''}`, page, read, keyView) }
  },
})
