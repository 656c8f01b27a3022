/**
 * Everybody who may knock: no credential, broken ones, ended ones, and keys of every kind. Each says what it must be
 * refused with, whatever it asks for, and which canaries it may see.
 */
import { newKey } from '../../src/tenancy/key-format.ts'
import type { Canary, Zone } from './canaries.ts'
import { ALL_SCOPES } from './planted-tenant.ts'
import type { PlantedTenant } from './planted-tenant.ts'
import { propertiesOf } from './json-schema.ts'
import type { Surface } from './surface.ts'
import { jsonOf } from './wire.ts'
import type { Send } from './wire.ts'

export interface Attacker {
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  /** Whose things are its own. */
  readonly tenant: PlantedTenant
  /** What every request of it must be refused with. */
  readonly refused?: { readonly status: number; readonly code: string }
  readonly isRoot: boolean
  /** Whether hidden things are out of its reach, so that they must be as absent as foreign ones. */
  readonly blindTo: ReadonlySet<string>
  readonly mayAsk: (canary: Canary) => boolean
}

export const SHOP = 'https://shop.example'
const DATA: readonly Zone[] = ['open', 'filtered', 'acl', 'vault', 'names', 'vaultnames', 'tenant']
/** What each scope alone may ever show. */
const SCOPE_ZONES: Readonly<Record<string, readonly Zone[]>> = {
  search: DATA,
  answer: DATA,
  'documents:read': DATA,
  'documents:write': DATA,
  collections: ['names', 'vaultnames', 'tenant'],
  admin: ['names', 'vaultnames', 'tenant', 'control'],
}
const COLLECTION = 'collections/collection'

const UNAUTHORIZED = { status: 401, code: 'unauthorized' }
const BAD_ORIGIN = { status: 403, code: 'origin_forbidden' }

interface Options {
  readonly refused?: Attacker['refused']
  readonly isRoot?: boolean
  readonly blindTo?: readonly string[]
  readonly zones?: readonly Zone[]
}

const bearer = (credential: string): Record<string, string> => ({ authorization: `Bearer ${credential}` })

function attacker(
  name: string,
  tenant: PlantedTenant,
  headers: Readonly<Record<string, string>>,
  { refused, isRoot = false, blindTo = [], zones = [] }: Options,
): Attacker {
  const seen = new Set(zones)
  return {
    name,
    headers,
    tenant,
    isRoot,
    blindTo: new Set(blindTo),
    mayAsk: (canary) => canary.tenant === tenant.letter && seen.has(canary.zone),
    ...(refused === undefined ? {} : { refused }),
  }
}

export interface Cast {
  readonly send: Send
  readonly surface: Surface
  readonly rootKey: string
  readonly own: PlantedTenant
  readonly foreign: PlantedTenant
  readonly suspended: PlantedTenant
}

export async function attackersOf(cast: Cast): Promise<Attacker[]> {
  return [
    ...refusedEverywhere(cast),
    ...(await endedKeys(cast)),
    ...(await keysOf(cast, cast.own)),
    ...(await tokensOf(cast)),
    attacker("another tenant's key", cast.foreign, bearer(cast.foreign.key), { zones: [...DATA, 'control'] }),
    ...roots(cast),
  ]
}

/** Credentials that no request with them may get anywhere. */
function refusedEverywhere({ own, rootKey }: Cast): Attacker[] {
  const refused = UNAUTHORIZED
  const typo = own.key.slice(0, -1) + (own.key.endsWith('0') ? '1' : '0')
  const credentials: Readonly<Record<string, Record<string, string>>> = {
    'no credential': {},
    'an empty bearer': { authorization: 'Bearer' },
    'a typing error': bearer(typo),
    'another scheme': { authorization: `Basic ${btoa(own.key)}` },
    'two keys': { authorization: `Bearer ${own.key}, Bearer ${own.key}` },
    'a key without its scheme': { authorization: own.key },
    'a key in another header': { 'x-api-key': own.key },
    'an unknown id': bearer(newKey('secret').text),
    'an unknown public id': bearer(newKey('public').text),
    'a root key that nobody issued': bearer(newKey('root').text),
    'a wrong secret of a real id': bearer(newKey('secret', own.keyId).text),
    'a real id as another kind': bearer(newKey('public', own.keyId).text),
    'a wrong secret of the root key': bearer(newKey('root', rootKey.slice(6, 22)).text),
  }
  return Object.entries(credentials).map(([name, headers]) => attacker(name, own, headers, { refused }))
}

async function endedKeys({ own, suspended, send }: Cast): Promise<Attacker[]> {
  const expired = await own.makeKey({ scopes: ALL_SCOPES, expiresAt: new Date(Date.now() + 1_500).toISOString() })
  const revoked = await own.makeKey({ scopes: ALL_SCOPES })
  await own.call('DELETE', `/v1/keys/${revoked.id}`, undefined, 'root')
  await own.call('PATCH', `/v1/tenants/${suspended.id}`, { suspended: true }, 'root')
  // The clock of the server is the real one: the key has to grow old.
  for (let status = 0; status !== 401;) {
    ;({ status } = await send({ method: 'GET', path: '/v1/keys/self', headers: bearer(expired.secret) }))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return [
    attacker('an expired key', own, bearer(expired.secret), { refused: UNAUTHORIZED }),
    attacker('a revoked key', own, bearer(revoked.secret), { refused: UNAUTHORIZED }),
    attacker("a suspended tenant's key", suspended, bearer(suspended.key), {
      refused: { status: 403, code: 'tenant_suspended' },
    }),
  ]
}

const without = (zones: readonly Zone[], ...gone: Zone[]): Zone[] => zones.filter((zone) => !gone.includes(zone))

async function keysOf({ surface, foreign }: Cast, own: PlantedTenant): Promise<Attacker[]> {
  const name = own.openCollection
  const scopes = SCOPES_BUT_ADMIN
  const restricted = await own.makeKey({ scopes, collections: [name, 'spare-*', 'made-*'] })
  const filtered = await own.makeKey({
    scopes: scopes.filter((scope) => scope !== 'collections'),
    filter: { team: 'blue' },
  })
  const open = await own.makeKey({ kind: 'public', scopes: ['search', 'answer', 'documents:read'], origins: [SHOP] })
  const shop = bearer(open.secret)
  const publicZones = without(DATA, 'acl')
  const alone: Attacker[] = []
  for (const scope of ALL_SCOPES) {
    const key = await own.makeKey({ scopes: [scope] })
    alone.push(attacker(`${scope} alone`, own, bearer(key.secret), { zones: SCOPE_ZONES[scope] ?? [] }))
  }
  return [
    attacker('a key of every scope', own, bearer(own.key), { zones: [...DATA, 'control'] }),
    ...alone,
    attacker('a key of one collection', own, bearer(restricted.secret), {
      zones: without(DATA, 'vault', 'vaultnames'),
      blindTo: [COLLECTION, 'jobs/id'],
    }),
    attacker('a key with a filter', own, bearer(filtered.secret), {
      zones: without(DATA, 'filtered', 'vault'),
      blindTo: ['documents/id'],
    }),
    attacker('a public key', own, { ...shop, origin: SHOP }, { zones: publicZones }),
    attacker('a public key of no origin', own, shop, { refused: BAD_ORIGIN }),
    attacker(
      'a public key of another origin',
      own,
      { ...shop, origin: 'https://evil.example' },
      { refused: BAD_ORIGIN },
    ),
    attacker('a secret key from a page', own, { ...bearer(own.key), origin: SHOP }, { refused: BAD_ORIGIN }),
    attacker(
      "a key that names another's tenant",
      own,
      { ...bearer(own.key), 'nearfield-tenant': foreign.id },
      {
        refused: { status: 403, code: 'forbidden' },
      },
    ),
    ...(await lockedToAddress(surface, own)),
  ]
}

const SCOPES_BUT_ADMIN = ALL_SCOPES.filter((scope) => scope !== 'admin')

/** Once keys can be bound to addresses: one of an address that nobody here has. */
async function lockedToAddress({ operations, components }: Surface, own: PlantedTenant): Promise<Attacker[]> {
  const schema = operations.find(({ id }) => id === 'createKey')?.body?.schema ?? {}
  if (!('ipRanges' in propertiesOf(schema, components))) return []
  const key = await own.makeKey({ scopes: ALL_SCOPES, ipRanges: ['192.0.2.7/32'] })
  const headers = { ...bearer(key.secret), 'cf-connecting-ip': '203.0.113.9' }
  return [attacker('a key from another address', own, headers, { refused: { status: 403, code: 'ip_forbidden' } })]
}

/** Once the document has them: tokens of every kind. */
async function tokensOf({ surface, send, own }: Cast): Promise<Attacker[]> {
  if (!surface.operations.some(({ id }) => id === 'createToken')) return []
  const scopes = ['search', 'answer', 'documents:read', 'documents:write']
  const mint = async (claims: object): Promise<Record<string, string>> => {
    const answer = await send({
      method: 'POST',
      path: '/v1/tokens',
      headers: { ...bearer(own.key), 'content-type': 'application/json' },
      body: JSON.stringify({ ttlSeconds: 3600, scopes, ...claims }),
    })
    const made = jsonOf(answer) as { token?: string } | undefined
    if (made?.token === undefined) throw new Error(`no token: ${answer.status} ${answer.text}`)
    return bearer(made.token)
  }
  const zones = without(DATA, 'acl')
  return [
    attacker('a token', own, await mint({ sub: 'user-1' }), { zones }),
    attacker('a token of a group', own, await mint({ sub: 'user-2', principals: [own.group] }), { zones: DATA }),
    attacker('a token of another group', own, await mint({ principals: ['group:others'] }), { zones }),
    attacker('a token to search', own, await mint({ scopes: ['search'] }), { zones }),
    attacker('a token with a filter', own, await mint({ filter: { team: 'blue' }, principals: [own.group] }), {
      zones: without(DATA, 'filtered', 'vault'),
      blindTo: ['documents/id'],
    }),
    attacker('a token of one collection', own, await mint({ collections: [own.openCollection, 'spare-*'] }), {
      zones: without(zones, 'vault', 'vaultnames'),
      blindTo: [COLLECTION, 'jobs/id'],
    }),
  ]
}

/** The operator sees tenants and administers keys, never content. */
function roots({ own, foreign, suspended, rootKey }: Cast): Attacker[] {
  const everyTenant = (canary: Canary): boolean => canary.zone === 'tenant'
  const root = (name: string, tenant: PlantedTenant, acting?: string): Attacker => {
    const headers = { ...bearer(rootKey), ...(acting === undefined ? {} : { 'nearfield-tenant': acting }) }
    const administered: readonly Zone[] = acting === tenant.id ? ['control', 'names', 'vaultnames'] : []
    return {
      ...attacker(name, tenant, headers, { isRoot: true }),
      mayAsk: (canary) =>
        everyTenant(canary) || (canary.tenant === tenant.letter && administered.includes(canary.zone)),
    }
  }
  return [
    root('the root key', own),
    root('the root key for a tenant', own, own.id),
    root('the root key for another tenant', foreign, foreign.id),
    root('the root key for a suspended tenant', suspended, suspended.id),
    root('the root key for no such tenant', own, 'no-such-tenant'),
    root('the root key for every tenant', own, '*'),
    root('the root key for a malformed tenant', own, '../%2e%2e'),
  ]
}
