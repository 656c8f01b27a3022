/**
 * The composition root: the one place that reads `env`, imports the compiled kernels and ties the rooms together. The
 * Durable Object classes here are thin subclasses that hand each room's object what it needs.
 */
import { DurableObject } from 'cloudflare:workers'

export class Shard extends DurableObject {}
export class Tenant extends DurableObject {}
export class Embedder extends DurableObject {}

export default {
  fetch(): Response {
    return new Response('not ready', { status: 503 })
  },
}
