/** Which rates a request is charged to: of its address, its end user, its key and its tenant. Narrowest first. */
import { hex, sha256, utf8 } from '../core/bytes.ts'
import { PUBLIC_KEY_RATE, PUBLIC_KEY_RATE_PER_IP } from '../core/limits.ts'
import { readAddress } from './ip-ranges.ts'
import type { Principal } from './principal.ts'
import { ownRate } from './tenant-limits.ts'
import type { RateLimit } from './tenant-limits.ts'

export interface RatePolicy {
  /** As callers see it in `RateLimit-Policy`. */
  readonly name: 'ip' | 'sub' | 'key' | 'tenant'
  /** Whose bucket it is, within the tenant. */
  readonly subject: string
  readonly limit: RateLimit
}

/** A line or a machine gets a whole /64 of IPv6 and may use any address of it. */
const IPV6_PREFIX_BYTES = 8

/**
 * The policies of a credential that comes from `address`; none for the root key and for what nobody limited. Public keys
 * are limited unless told otherwise, tokens share the rates of their key.
 */
export async function ratePolicies(principal: Principal, address: string | null): Promise<RatePolicy[]> {
  if (principal.kind === 'root') return []
  const { keyId, key, tenant, kind } = principal
  const limits = key?.rateLimit
  const own = ownRate(limits) ?? (kind === 'public' ? PUBLIC_KEY_RATE : undefined)
  const perIp = limits?.perIp ?? (kind === 'public' ? PUBLIC_KEY_RATE_PER_IP : undefined)
  const ofTenant = tenant?.limits.rateLimit
  const policies: RatePolicy[] = []
  if (perIp !== undefined)
    policies.push({ name: 'ip', subject: `ip/${keyId}/${addressSubject(address)}`, limit: perIp })
  if (limits?.perSub !== undefined && kind === 'token')
    policies.push({
      name: 'sub',
      subject: `sub/${keyId}/${await digestOf(principal.token?.sub)}`,
      limit: limits.perSub,
    })
  if (own !== undefined) policies.push({ name: 'key', subject: `key/${keyId}`, limit: own })
  if (ofTenant !== undefined) policies.push({ name: 'tenant', subject: 'tenant', limit: ofTenant })
  return policies
}

/** Tokens without a `sub` are one end user: leaving it out is no way around the rate. */
const digestOf = async (sub = ''): Promise<string> => hex(await sha256(utf8(sub))).slice(0, 32)

/** An IPv4 address as it is, IPv6 by its /64; what is no address is `unknown`, and all of that is one caller. */
export function addressSubject(address: string | null): string {
  const bytes = address === null ? undefined : readAddress(address)
  if (bytes === undefined) return 'unknown'
  return bytes.length === 4 ? bytes.join('.') : hex(Uint8Array.from(bytes.slice(0, IPV6_PREFIX_BYTES)))
}
