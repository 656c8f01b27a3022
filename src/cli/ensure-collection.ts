/** The collection that an upload goes to, made where there is none. */
import { NearfieldError } from '../client/client.ts'
import type { CollectionInfo, NearfieldClient } from '../client/client.ts'

export async function ensureCollection(client: NearfieldClient, name: string): Promise<CollectionInfo> {
  try {
    return await client.collection(name)
  } catch (error) {
    if (!(error instanceof NearfieldError && error.status === 404)) throw error
    return await client.createCollection({ name })
  }
}
