/** `GET /v1/tenants/{id}/receipt`: the receipt of an erasure, as often as it is needed. */
import { receiptOf } from '../find-receipt.ts'
import { defineRoute } from '../route.ts'
import { receiptSchema } from '../schemas/receipt.ts'

export const getReceipt = defineRoute({
  method: 'get',
  path: '/v1/tenants/{id}/receipt',
  operationId: 'getErasureReceipt',
  tag: 'tenants',
  summary: 'Get the receipt of an erasure',
  description: 'Of a tenant that was erased, also where the erasure went on in the background. 404 until it has ended.',
  access: { kind: 'root' },
  responses: { 200: { description: 'The receipt, signed.', schema: receiptSchema } },
  async handle({ params }, dependencies) {
    return { status: 200, body: await receiptOf(dependencies, params.id) }
  },
})
