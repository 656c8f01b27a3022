/** `POST /v1/collections/{collection}/sources`. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { defined } from '../../core/defined.ts'
import { defineRoute } from '../route.ts'
import { createSourceSchema, sourceOwner, startedReply, startedSource, startedSourceSchema } from '../schemas/source.ts'

export const createSource = defineRoute({
  method: 'post',
  path: '/v1/collections/{collection}/sources',
  operationId: 'createSource',
  tag: 'sources',
  summary: 'Follow a part of the inbox',
  description:
    'Takes in the objects of the operator’s inbox bucket below `<tenant id>/<prefix>`, each under its key below the prefix. It looks again by its schedule and when the bucket tells of changes: changed objects are read, documents of deleted ones are removed.',
  access: { kind: 'key', anyOf: ['documents:write'], secretOnly: true, unfiltered: true },
  forbid(_, { collections }) {
    if (collections === undefined) return
    throw new Problem('forbidden', 'the inbox is of the whole tenant, so keys of some collections do not reach it')
  },
  audit: { action: 'source.create', subject: startedSource },
  body: { schema: createSourceSchema, example: { kind: 'bucket', prefix: 'manuals/', schedule: '0 * * * *' } },
  responses: {
    202: { description: 'It runs.', schema: startedSourceSchema, headers: { Location: 'The job of this run.' } },
  },
  async handle({ body: { kind, prefix, schedule }, collection, principal, operationId }, { sources }) {
    const owner = sourceOwner(principal, collection)
    const settings = { kind, root: `${requireTenant(principal).id}/`, prefix }
    const object = await sources.sourcesOf(owner.tenantUid)
    return startedReply(await object.saveSource(operationId, { ...owner, settings, ...defined({ schedule }) }))
  },
})
