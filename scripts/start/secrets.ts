/**
 * The secrets of a local installation, in `secrets.env` (mode 0600): the root key and the sealing key, made once, and
 * the demo tenant's keys. They are on disk before anything uses them, so that no crash can separate stored data from the
 * key that sealed it. They travel to the Worker as bindings, never on a command line or in the environment.
 */
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { newKey } from '../../src/tenancy/key-format.ts'
import { readIfThere, writeAtomically } from './files.ts'

export interface Secrets {
  readonly rootKey: string
  /** Of the root key that was replaced, until the replacement is finished. */
  readonly previousRootKeyHash?: string
  /** 32 bytes as 64 hex digits. */
  readonly sealingKey: string
  readonly demoSecretKey?: string
  readonly demoPublicKey?: string
}

const NAMES = {
  rootKey: 'NEARFIELD_ROOT_KEY',
  previousRootKeyHash: 'NEARFIELD_ROOT_KEY_HASH_PREVIOUS',
  sealingKey: 'NEARFIELD_SEALING_KEY',
  demoSecretKey: 'NEARFIELD_DEMO_SECRET_KEY',
  demoPublicKey: 'NEARFIELD_DEMO_PUBLIC_KEY',
} as const satisfies Record<keyof Secrets, string>

const secretsPath = (folder: string): string => join(folder, 'secrets.env')

export function writeSecrets(folder: string, secrets: Secrets): void {
  const lines = Object.entries(NAMES).flatMap(([field, name]) => {
    const value = secrets[field as keyof Secrets]
    return value === undefined ? [] : `${name}=${value}`
  })
  writeAtomically(secretsPath(folder), `${lines.join('\n')}\n`)
}

/** Reads the secrets, after making the missing ones. */
export function readSecrets(folder: string): Secrets {
  const values = new Map(
    (readIfThere(secretsPath(folder)) ?? '').split('\n').map((line) => {
      const at = line.indexOf('=')
      return [line.slice(0, at), line.slice(at + 1)]
    }),
  )
  const previousRootKeyHash = values.get(NAMES.previousRootKeyHash)
  const demoSecretKey = values.get(NAMES.demoSecretKey)
  const demoPublicKey = values.get(NAMES.demoPublicKey)
  const secrets: Secrets = {
    rootKey: values.get(NAMES.rootKey) ?? newKey('root').text,
    sealingKey: values.get(NAMES.sealingKey) ?? randomBytes(32).toString('hex'),
    ...(previousRootKeyHash === undefined ? {} : { previousRootKeyHash }),
    ...(demoSecretKey === undefined ? {} : { demoSecretKey }),
    ...(demoPublicKey === undefined ? {} : { demoPublicKey }),
  }
  if (!values.has(NAMES.rootKey) || !values.has(NAMES.sealingKey)) writeSecrets(folder, secrets)
  return secrets
}

/** What the Worker knows of a key: hex SHA-256 of its full string. */
export const keyHash = (key: string): string => createHash('sha256').update(key).digest('hex')
