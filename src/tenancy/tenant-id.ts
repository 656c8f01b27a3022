/** Public tenant ids: chosen by the operator, seen in URLs and in `Nearfield-Tenant`, taken for ever once used. */
import { randomBase62 } from '../core/bytes.ts'

const GRAMMAR = /^[a-z0-9][a-z0-9_-]{0,62}$/

export const TENANT_ID_RULE = 'must match [a-z0-9][a-z0-9_-]{0,62}'

export const isTenantId = (text: string): boolean => GRAMMAR.test(text)

/** Never a name that someone would choose. `operationId` (base62) makes a repeated operation choose the same id again. */
export const newTenantId = (operationId: string = randomBase62(20)): string => `t-${operationId.toLowerCase()}`
