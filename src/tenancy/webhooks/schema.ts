/** The tables of webhooks in a tenant's object. They hold ids and addresses, no content; secrets are sealed. */
import type { SqlMigration } from '../../core/sql-database.ts'

export const WEBHOOK_MIGRATIONS: readonly SqlMigration[] = [
  {
    id: 'tenancy/5 webhooks',
    statements: [
      `CREATE TABLE webhook_endpoints (
        id TEXT PRIMARY KEY, url TEXT NOT NULL, events TEXT NOT NULL, description TEXT, enabled INTEGER NOT NULL,
        disabled_reason TEXT, disabled_ms INTEGER, failing_since_ms INTEGER, sealed_secret BLOB NOT NULL,
        rotated_by TEXT NOT NULL, previous_secret BLOB, previous_until_ms INTEGER, waiting INTEGER NOT NULL,
        ended INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE webhook_events (
        id TEXT PRIMARY KEY, type TEXT NOT NULL, payload TEXT NOT NULL, expires_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE INDEX webhook_events_by_expiry ON webhook_events (expires_ms)`,
      `CREATE TABLE webhook_deliveries (
        id TEXT PRIMARY KEY, endpoint_id TEXT NOT NULL, event_id TEXT NOT NULL, status TEXT NOT NULL,
        attempts TEXT NOT NULL, tries_left INTEGER NOT NULL, next_ms INTEGER, created_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_ms) WHERE next_ms IS NOT NULL`,
      `CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, created_ms, id)`,
      `CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (event_id)`,
    ],
  },
]
