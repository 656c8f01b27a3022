/** What a key may be allowed to do. Scopes do not imply one another: `admin` manages keys, it does not search. */

export const SCOPES = ['search', 'answer', 'documents:read', 'documents:write', 'collections', 'admin'] as const

export type Scope = (typeof SCOPES)[number]
