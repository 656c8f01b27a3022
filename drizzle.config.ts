import { defineConfig } from 'drizzle-kit'

/** `drizzle-kit generate` writes flat SQL files; each must also raise `meta.schema_version` (see docs/storage.md). */
export default defineConfig({ dialect: 'sqlite', schema: './src/catalog/schema.ts', out: './migrations' })
