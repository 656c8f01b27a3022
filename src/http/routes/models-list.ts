/** `GET /v1/models`. */
import type { PageRequest } from '../../catalog/records.ts'
import { productModels } from '../../models/product-models.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { listPage } from '../list-page.ts'
import { defineRoute } from '../route.ts'
import { pageQuery } from '../schemas/fields.ts'
import { modelPageSchema, modelView } from '../schemas/model.ts'

/** Before the number of a model of the product and the name of a tenant's, in the positions of a list. */
const PRODUCT = 'product/'
const OWN = 'own/'

export const listModels = defineRoute({
  method: 'get',
  path: '/v1/models',
  operationId: 'listModels',
  tag: 'models',
  summary: 'List models',
  description:
    "Those of the product that this deployment can run, then the tenant's own by name. Where they run is shown to keys with the scope `admin`.",
  access: { kind: 'key', anyOf: ['search', 'collections', 'documents:read', 'admin'], secretOnly: true },
  query: pageQuery,
  responses: { 200: { description: 'In the form of OpenAI.', schema: modelPageSchema } },
  async handle({ query, principal }, { catalog, modelRules, sealer }) {
    const { uid } = requireTenant(principal)
    const product = productModels(modelRules)
    const ofTenant = async ({ limit, after }: PageRequest) => {
      const { data, nextAfter } = await catalog.models.list(uid, { limit, ...(after === undefined ? {} : { after }) })
      return { data, ...(nextAfter === undefined ? {} : { nextAfter: OWN + nextAfter }) }
    }
    const body = await listPage(
      sealer,
      `models/${uid}`,
      query,
      async ({ limit, after = PRODUCT }) => {
        if (after.startsWith(OWN)) return ofTenant({ limit, after: after.slice(OWN.length) })
        const start = Number(after.slice(PRODUCT.length))
        const data = product.slice(start, start + limit)
        if (start + limit < product.length) return { data, nextAfter: `${PRODUCT}${start + limit}` }
        const rest = limit - data.length
        if (rest > 0) {
          const own = await ofTenant({ limit: rest })
          return { ...own, data: [...data, ...own.data] }
        }
        return (await ofTenant({ limit: 1 })).data.length === 0 ? { data } : { data, nextAfter: OWN }
      },
      (model) => modelView(model, principal),
    )
    return { status: 200, body: { object: 'list', ...body } }
  },
})
