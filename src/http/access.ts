/** Who may call a route: its `access` against the credential. */
import { Problem } from '../core/problem.ts'
import { isRestricted, requireAdmin, requireRoot, requireScope } from '../tenancy/principal.ts'
import type { Principal } from '../tenancy/principal.ts'
import type { Access } from './route.ts'

/** Whether the request belongs to no tenant, because the route lets the operator speak for itself. */
export function isOperator(access: Access, principal: Principal): boolean {
  if (access.kind === 'root') return true
  return (
    access.kind === 'admin' &&
    access.operator === true &&
    principal.kind === 'root' &&
    principal.actingFor === undefined
  )
}

/** @throws forbidden, scope_missing */
export function requireAccess(access: Access, principal: Principal): void {
  switch (access.kind) {
    case 'root':
      return requireRoot(principal)
    case 'admin':
      if (isOperator(access, principal)) return
      return requireAdmin(principal)
    case 'key':
      if (principal.kind === 'root') throw new Problem('forbidden', 'the root key does not reach this')
      if (access.anyOf !== undefined) requireScope(principal, ...access.anyOf)
      if (access.secretOnly && isRestricted(principal)) {
        throw new Problem('forbidden', 'public keys and tokens do not reach this')
      }
      if (access.unfiltered && principal.filter !== undefined) {
        throw new Problem('forbidden', 'keys with a filter do not reach this')
      }
  }
}
