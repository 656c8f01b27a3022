/** Finds what is remembered of an erased tenant and signs it. */
import { Problem } from '../core/problem.ts'
import { NOTHING_ERASED } from '../tenancy/erasure-record.ts'
import { signedReceipt } from '../tenancy/erasure-receipt.ts'
import type { AppDependencies } from './dependencies.ts'

/** @throws not_found where no tenant of this id was erased, or something of it is left */
export async function receiptOf(
  { catalog, signer, tenantObjects }: Pick<AppDependencies, 'catalog' | 'signer' | 'tenantObjects'>,
  tenantId: string,
) {
  const operator = await tenantObjects.operator()
  const found = await operator.findErasure(tenantId)
  if (found === undefined) throw new Problem('not_found')
  // The Worker may have died between the last row and the record of its end.
  const isEnded = found.finishedAtMs !== undefined || (await catalog.tenants.isErased(tenantId))
  if (!isEnded) throw new Problem('not_found')
  const record = found.finishedAtMs === undefined ? await operator.recordErasure(tenantId, NOTHING_ERASED, true) : found
  return signedReceipt(signer, { ...record, finishedAtMs: record.finishedAtMs ?? record.startedAtMs })
}
