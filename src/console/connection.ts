/**
 * Which collection the page searches, and with which key: what the local server offers, or what was typed into the form.
 * A typed key lives in the tab's session storage and nowhere else.
 */
import { NearfieldClient } from '../client/client.ts'
import { refusalOf } from './connect-fault.ts'

export interface Connection {
  readonly client: NearfieldClient
  readonly collection: string
  /** Offered by the server itself, for its own documentation. */
  readonly isDemo: boolean
}

const STORAGE = 'nearfield-connection'

function connect(key: string, collection: string, isDemo: boolean): Connection {
  return { client: new NearfieldClient({ url: location.origin, key, retries: 1 }), collection, isDemo }
}

interface Stored {
  readonly key: string
  readonly collection: string
}

const isStored = (value: unknown): value is Stored =>
  typeof value === 'object' &&
  value !== null &&
  'key' in value &&
  typeof value.key === 'string' &&
  'collection' in value &&
  typeof value.collection === 'string'

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return undefined
  }
}

/** What was typed in this tab, else what the server offers, else nothing. */
export async function findConnection(): Promise<Connection | undefined> {
  const stored = parse(sessionStorage.getItem(STORAGE))
  if (isStored(stored)) return connect(stored.key, stored.collection, false)
  const response = await fetch('/demo.json')
  const offer: unknown = response.ok ? await response.json() : undefined
  if (typeof offer !== 'object' || offer === null || !('publicKey' in offer) || !('collection' in offer))
    return undefined
  const { publicKey, collection } = offer
  if (typeof publicKey !== 'string' || typeof collection !== 'string') return undefined
  return connect(publicKey, collection, true)
}

/** Tries a key before it is kept. @throws Error when it is no key for a page, NearfieldError when it does not work */
export async function makeConnection(key: string, collection: string): Promise<Connection> {
  const refusal = refusalOf(key)
  if (refusal !== undefined) throw new Error(refusal)
  const connection = connect(key, collection, false)
  await connection.client.search(collection, { query: 'nearfield', limit: 1 })
  sessionStorage.setItem(STORAGE, JSON.stringify({ key, collection } satisfies Stored))
  return connection
}

export function forgetConnection(): void {
  sessionStorage.removeItem(STORAGE)
}
