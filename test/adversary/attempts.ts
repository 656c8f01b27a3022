/**
 * The rows of the matrix: every operation × every attacker × every kind of id × every way of asking. What is destroyed by
 * success is aimed at spare things; what must fail is aimed at the planted ones.
 */
import { contentTypeOf, isReadLast, NAMED_IN_BODY, validBody, validQuery } from './bodies.ts'
import type { PlantedTenant } from './planted-tenant.ts'
import type { Attacker } from './principals.ts'
import { filledPath, isForRoot, isSafe } from './surface.ts'
import type { Operation } from './surface.ts'
import type { Dice, WireRequest } from './wire.ts'

/** `hidden`: of the own tenant, but out of the credential's reach. */
export type IdKind = 'own' | 'ownById' | 'hidden' | 'foreign' | 'foreignById' | 'absent' | 'deleted' | 'malformed'
/** `plain`: a valid request · `broken`: its body or query is not · `head`: without the body of the answer. */
export type Manner = 'plain' | 'broken' | 'idempotent' | 'head'

export interface Attempt {
  readonly operation: Operation
  readonly attacker: Attacker
  readonly kinds: readonly IdKind[]
  readonly manner: Manner
  /** Whether success would change something that exists. */
  readonly isDestructive: boolean
}

const MALFORMED = [
  '%ff',
  '*',
  '%25',
  'null',
  'undefined',
  '%E2%80%AE',
  'a%2F..%2Fb',
  '%00',
  '%EF%BD%81dmin',
  "'%20OR%201=1--",
  '%2e%2e%2f',
  `x${'y'.repeat(600)}`,
  'col_',
  ';',
  '%7B%7D',
]

/** Every place of a request: those of the path, then the one that the body names. */
export function placesOfRequest({ id, places }: Operation): string[] {
  const inBody = NAMED_IN_BODY[id]
  if (inBody === undefined) return [...places]
  return [...places, inBody === 'collection' ? 'collections/collection' : 'documents/id']
}

function kindsOf(place: string, { blindTo, tenant }: Attacker): IdKind[] {
  const { ownById, deleted } = tenant.places.get(place) ?? {}
  return [
    'own',
    ...(ownById !== undefined ? (['ownById', 'foreignById'] as const) : []),
    ...(blindTo.has(place) ? (['hidden'] as const) : []),
    'foreign',
    'absent',
    ...(deleted === undefined ? [] : (['deleted'] as const)),
    'malformed',
  ]
}

/** What is left of a deleted tenant is its receipt. */
export const SHOWS_DELETED = new Set(['getErasureReceipt'])

/** Whether the kind is to be as absent as what never was. */
export function isAbsent(kind: IdKind, place: string, { isRoot }: Attacker, { id }: Operation): boolean {
  if (kind === 'deleted') return !SHOWS_DELETED.has(id)
  if (kind.startsWith('foreign')) return !(isRoot && place === 'tenants/id')
  return kind === 'hidden' || kind === 'absent'
}

function product(lists: readonly (readonly IdKind[])[]): IdKind[][] {
  return lists.reduce<IdKind[][]>((rows, list) => rows.flatMap((row) => list.map((kind) => [...row, kind])), [[]])
}

/**
 * At most one malformed id a request: the second would never be looked at. Who is refused before anything is looked at
 * tries ids of one kind at a time.
 */
function isUseful(kinds: readonly IdKind[], { refused }: Attacker): boolean {
  if (refused !== undefined) return new Set(kinds).size <= 1 && !(kinds.length > 1 && kinds[0] === 'malformed')
  return kinds.filter((kind) => kind === 'malformed').length <= 1
}

export function* attemptsOf(operations: readonly Operation[], attackers: readonly Attacker[]): Generator<Attempt> {
  for (const operation of operations) {
    const manners: Manner[] = operation.method === 'GET' ? ['plain', 'broken', 'head'] : ['plain', 'broken']
    if (['POST', 'PUT', 'PATCH'].includes(operation.method)) manners.push('idempotent')
    for (const attacker of attackers) {
      const places = placesOfRequest(operation)
      for (const kinds of product(places.map((place) => kindsOf(place, attacker))).filter((row) =>
        isUseful(row, attacker),
      )) {
        const isAllReal = kinds.every(
          (kind, i) => !isAbsent(kind, places[i] ?? '', attacker, operation) && kind !== 'malformed',
        )
        const isReachable = attacker.refused === undefined && (!attacker.isRoot || isForRoot(operation))
        const isDestructive = !isSafe(operation) && isAllReal && isReachable
        for (const manner of manners) yield { operation, attacker, kinds, manner, isDestructive }
      }
    }
  }
}

export interface Aim {
  readonly request: WireRequest
  /** What the request names, as it was sent, in every spelling that an answer could echo. */
  readonly named: readonly string[]
}

function segmentOf(kind: IdKind, place: string, own: PlantedTenant, foreign: PlantedTenant, dice: Dice): string {
  const mine = own.places.get(place)
  const theirs = foreign.places.get(place)
  if (mine === undefined || theirs === undefined) throw new Error(`nothing is planted for ${place}`)
  switch (kind) {
    case 'own':
      return mine.own
    case 'ownById':
      return mine.ownById ?? mine.own
    case 'hidden':
      return mine.hidden ?? mine.own
    case 'foreign':
      return theirs.own
    case 'foreignById':
      return theirs.ownById ?? theirs.own
    case 'deleted':
      return mine.deleted ?? absentLike(mine.own, dice)
    case 'malformed':
      return dice.pick(MALFORMED)
    case 'absent':
      break
  }
  return absentLike(mine.own, dice)
}

/** Of the same form as a real id, so that only its absence can show. */
function absentLike(real: string, dice: Dice): string {
  const [, prefix = ''] = /^((?:col|job|whe|exp|msg|[a-z]{2,4})_)[0-9A-Za-z]{8,}$/.exec(real) ?? []
  return prefix + dice.letters(Math.max(8, real.length - prefix.length))
}

/** Makes the request of an attempt. `spares` stand for what it may destroy. */
export function aimed(
  attempt: Attempt,
  foreign: PlantedTenant,
  tools: { readonly dice: Dice; readonly query: string; readonly serial: number },
  spares: readonly string[] | undefined,
): Aim {
  const { operation, attacker, kinds, manner } = attempt
  const places = placesOfRequest(operation)
  const segments = places.map(
    (place, i) =>
      (i < operation.places.length ? spares?.[i] : undefined) ??
      segmentOf(kinds[i] ?? 'absent', place, attacker.tenant, foreign, tools.dice),
  )
  const inBody = segments[operation.places.length]
  const names = decoded(inBody ?? 'nobody')
  const body = validBody(operation, {
    dice: tools.dice,
    query: tools.query,
    collection: inBody === undefined ? attacker.tenant.openCollection : names,
    document: inBody === undefined ? `made-${tools.dice.letters(8)}` : names,
  })
  const isBrokenByQuery = manner === 'broken' && (body === undefined || isReadLast(operation))
  const path = filledPath(operation.path, segments) + (isBrokenByQuery ? '?zzz=1' : validQuery(operation, tools.dice))
  const hasBody = body !== undefined
  return {
    request: {
      method: manner === 'head' ? 'HEAD' : operation.method,
      path,
      headers: {
        ...attacker.headers,
        ...(hasBody ? { 'content-type': contentTypeOf(operation) } : {}),
        ...(manner === 'idempotent' ? { 'idempotency-key': `attempt-${tools.serial}` } : {}),
      },
      ...(hasBody ? { body: manner === 'broken' ? '{broken' : bodyText(body) } : {}),
    },
    named: segments.flatMap((segment) => [segment, decoded(segment)]),
  }
}

const bodyText = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body))

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
