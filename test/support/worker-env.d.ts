/** Bindings that the `worker` test project adds to the product's own; see vitest.config.ts. */
import type { D1Migration } from '@cloudflare/vitest-plugin'

declare global {
  namespace Cloudflare {
    interface Env {
      /** Plays the operator; its hash is `NEARFIELD_ROOT_KEY_HASH`. */
      readonly TEST_ROOT_KEY: string
      /** With which the objects sign and seal, too. */
      readonly NEARFIELD_SEALING_KEY: string
      readonly TEST_MIGRATIONS: D1Migration[]
    }
  }
}
