/**
 * How drizzle-kit makes the SQL files of `migrations/` from src/catalog/schema.ts: flat, as wrangler applies them. Each must
 * also end with the statement that raises `meta.schema_version`, which no generator knows.
 */
import { defineConfig } from 'drizzle-kit'

export default defineConfig({ dialect: 'sqlite', schema: './src/catalog/schema.ts', out: './migrations' })
