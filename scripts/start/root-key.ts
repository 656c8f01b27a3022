/**
 * Replacing the root key without a moment in which none works: the new one and the hash of the old are both known until
 * the replacement is finished. The steps for a local server's state folder, and the words for a deployed Worker.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { newKey, parseKey } from '../../src/tenancy/key-format.ts'
import { readIfThere, writeAtomically } from './files.ts'
import { StartError } from './options.ts'
import { keyHash, readSecrets, writeSecrets } from './secrets.ts'

/**
 * Makes a new root key for a stopped local server. `secrets.env` is written first: the other files only repeat it.
 * @throws StartError where there is no state, or where an earlier replacement was not finished
 */
export function replaceRootKey(folder: string): string {
  const secrets = readSecretsOf(folder)
  if (secrets.previousRootKeyHash !== undefined) {
    throw new StartError('The root key was replaced before, and the old one still works. End it first, with --finish.')
  }
  const rootKey = newKey('root').text
  writeSecrets(folder, { ...secrets, rootKey, previousRootKeyHash: keyHash(secrets.rootKey) })
  publishRootKey(folder, rootKey)
  return rootKey
}

/** Ends the key that was replaced. @throws StartError where there is none */
export function finishReplacement(folder: string): void {
  const { previousRootKeyHash, ...secrets } = readSecretsOf(folder)
  if (previousRootKeyHash === undefined) throw new StartError('There is no replaced root key to end.')
  writeSecrets(folder, secrets)
  // Once more, in case that the replacement itself was interrupted behind its first step.
  publishRootKey(folder, secrets.rootKey)
}

/** What replaces the root key of a deployed Worker. @throws StartError where the old one is no root key */
export function deployedReplacement(oldKey: string): string {
  if (parseKey(oldKey.trim())?.kind !== 'root') throw new StartError('That is not a root key: it begins with nf_rk_.')
  const rootKey = newKey('root').text
  return `The new root key is shown once. Keep it in a safe place:
  ${rootKey}

Put these two secrets, in this order, so that the old key goes on working:
  wrangler secret put NEARFIELD_ROOT_KEY_HASH_PREVIOUS --config wrangler.deploy.toml
    ${keyHash(oldKey.trim())}
  wrangler secret put NEARFIELD_ROOT_KEY_HASH --config wrangler.deploy.toml
    ${keyHash(rootKey)}

When nothing uses the old key any more, end it:
  npm run root-key -- --deployed --finish`
}

export const DEPLOYED_FINISH = `To end the root key that was replaced:
  wrangler secret delete NEARFIELD_ROOT_KEY_HASH_PREVIOUS --config wrangler.deploy.toml`

function readSecretsOf(folder: string): ReturnType<typeof readSecrets> {
  // Reading makes what is missing, and there is nothing to replace where no server ever ran.
  if (!existsSync(join(folder, 'secrets.env'))) throw new StartError(`${folder} holds no server's state.`)
  return readSecrets(folder)
}

/** Each file is replaced as a whole; those that a first start has not made yet come with it. */
function publishRootKey(folder: string, rootKey: string): void {
  const credentials = join(folder, 'credentials.json')
  const text = readIfThere(credentials)
  if (text !== undefined) {
    const changed = { ...(JSON.parse(text) as object), rootKey }
    writeAtomically(credentials, `${JSON.stringify(changed, undefined, 2)}\n`)
  }
  const header = join(folder, 'root-authorization.txt')
  if (existsSync(header)) writeAtomically(header, `Authorization: Bearer ${rootKey}\n`)
}
