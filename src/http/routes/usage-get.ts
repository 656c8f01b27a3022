/** `GET /v1/usage`. */
import { MAX_USAGE_DAYS } from '../../core/limits.ts'
import { invalidField, Problem } from '../../core/problem.ts'
import { DAY_MS, dayOf, monthOf, type UsageGroup } from '../../tenancy/ledger.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { tenantsUsage } from '../tenants-usage.ts'
import { countsView, limitsView, modelsView, usageQuery, usageSchema } from '../schemas/usage.ts'
import { defineRoute } from '../route.ts'

export const getUsage = defineRoute({
  method: 'get',
  path: '/v1/usage',
  operationId: 'getUsage',
  tag: 'usage',
  summary: 'Get what was used',
  description:
    'Exact sums of whole UTC days, what is stored, and how full each limited meter is. `models` says what each model read. Money is an estimate by list prices. The root key without `Nearfield-Tenant` gets all tenants, at most a minute old.',
  access: { kind: 'admin', operator: true },
  forbid({ parameters }, { kind, actingFor }) {
    if (parameters.get('groupBy') !== 'tenant' || (kind === 'root' && actingFor === undefined)) return
    throw new Problem('forbidden', 'only the root key without a Nearfield-Tenant header tells tenants apart')
  },
  query: usageQuery,
  responses: { 200: { description: 'By day, collection, key or tenant, in their order.', schema: usageSchema } },
  async handle({ query, principal, charge }, { catalog, tenantObjects, clock }) {
    const isOperator = principal.kind === 'root' && principal.actingFor === undefined
    const { groupBy = isOperator ? 'tenant' : 'day' } = query
    const { fromDay, toDay } = rangeOf(query, clock())
    const common = { from: fromDay, to: toDay, groupBy, currency: 'USD' as const }
    if (groupBy === 'tenant') {
      const { rows, totals, stored } = tenantsUsage(await catalog.usage.ofTenants(fromDay, toDay), {
        fromDay,
        toDay: toDay < dayOf(clock()) ? toDay : dayOf(clock()),
      })
      const data = rows.map((row) => ({ tenant: row.tenant, ...countsView(row), models: [] }))
      return { status: 200, body: { ...common, data, totals: countsView(totals), models: [], stored, limits: [] } }
    }
    const { uid, limits } = requireTenant(principal)
    await charge.tellReads()
    const object = await tenantObjects.of(uid)
    const report = await object.usage(uid, { fromDay, toDay, groupBy: groupBy satisfies UsageGroup, limits })
    const data = report.rows.map((row) => ({
      ...(row.group === '' ? {} : { [groupBy]: row.group }),
      ...countsView(row),
      models: modelsView(row.models),
    }))
    const { stored, totals, models } = report
    const shown = { data, totals: countsView(totals), models: modelsView(models), stored }
    return { status: 200, body: { ...common, ...shown, limits: limitsView(report.limits) } }
  },
})

/** @throws invalid_request */
function rangeOf(
  { from, to }: { readonly from?: string | undefined; readonly to?: string | undefined },
  nowMs: number,
): { readonly fromDay: string; readonly toDay: string } {
  const toMs = to === undefined ? nowMs : Date.parse(to)
  const fromDay = from === undefined ? `${monthOf(toMs)}-01` : dayOf(Date.parse(from))
  const toDay = dayOf(toMs)
  if (fromDay > toDay) throw invalidField('/from', 'must not be after to')
  if (Date.parse(toDay) - Date.parse(fromDay) >= MAX_USAGE_DAYS * DAY_MS) {
    throw invalidField('/from', `must be at most ${MAX_USAGE_DAYS} days before to`)
  }
  return { fromDay, toDay }
}
