/**
 * The words of the audit log, as the Worker and the tenant's object share them: plain data over RPC, ids and digests only.
 * A text that a caller wrote has no place in any of them.
 */
import type { ProblemCode } from '../core/problem.ts'
import type { Principal } from './principal.ts'

export interface AuditActor {
  readonly kind: Principal['kind']
  readonly keyId: string
}

/** What was acted on: `{type: 'key', id: 'x7Qm2LsV0aZp91Rt'}`. */
export interface AuditSubject {
  readonly type: string
  readonly id: string
}

/** An action that is about to be done. */
export interface AuditEntry {
  readonly requestId: string
  readonly actor: AuditActor
  /** `<what>.<verb>`, such as `key.create`. */
  readonly action: string
  readonly subject?: AuditSubject
  /** Hex SHA-256 of the request's body. */
  readonly digest?: string
}

/** How it ended: done, refused (4xx), or failed (5xx), after which a part of it may have happened. */
export interface AuditEnd {
  readonly outcome: 'done' | 'refused' | 'failed'
  readonly code?: ProblemCode
  /** Of what was made; replaces the entry's. */
  readonly subject?: AuditSubject
  /** Replaces the entry's. */
  readonly digest?: string
}

/** Refusals of a credential whose secret was right. */
export interface Refusal {
  readonly actor: AuditActor
  readonly code: ProblemCode
  /** Where the code alone does not say why: `expired`, `revoked`, … */
  readonly reason?: string
  /** Of the first. */
  readonly requestId?: string
  /** How many are told at once; at least 1. */
  readonly count: number
}

/** The actions that stand for refused requests: the first of a key, code and minute, and how many they were in the end. */
export const REFUSED = 'request.refused'
export const REFUSED_COUNT = 'request.refused_count'

/** One line of a chain. `hash` = hex SHA-256 of `previousHash` followed by the canonical JSON of all other members. */
export interface AuditLine {
  /** From 1, without gaps. */
  readonly sequence: number
  /** RFC 3339, when the line was written; never before the line before. */
  readonly at: string
  readonly actor: AuditActor
  readonly action: string
  readonly subject?: AuditSubject
  /** `unknown`: the Worker died before it could tell how the action ended. */
  readonly outcome: AuditEnd['outcome'] | 'unknown'
  readonly code?: string
  readonly reason?: string
  readonly requestId?: string
  readonly digest?: string
  /** Of `request.refused_count`. */
  readonly count?: number
  /** 64 zeros in the first line. */
  readonly previousHash: string
  readonly hash: string
}

/** Newest first. */
export interface AuditPageRequest {
  readonly limit: number
  /** Only lines with a lower sequence. */
  readonly before?: number
  /** Inclusive. */
  readonly fromMs?: number
  /** Exclusive. */
  readonly toMs?: number
  readonly action?: string
}

export interface AuditPage {
  readonly lines: readonly AuditLine[]
  /** `before` of the next page. */
  readonly nextBefore?: number
}

/** The last line. Of an empty chain: sequence 0 and 64 zeros. */
export interface AuditHead {
  readonly sequence: number
  readonly hash: string
}

export interface AuditVerdict {
  /** Whether every line is as it was written and every signed head fits its line. */
  readonly valid: boolean
  /** 64 hex digits that name the chain; they stand in its signed heads. */
  readonly chain: string
  /** Lines that are there. */
  readonly entries: number
  readonly head: AuditHead
  /** The first sequence at which the chain is not what was written. */
  readonly firstBroken?: number
  readonly signedHeads: {
    readonly count: number
    /** With a right signature over a line that is still the same. */
    readonly valid: number
    /** The newest one, a compact JWS. */
    readonly latest?: string
  }
}

/** What of the tenant's object the audit trail of requests needs. */
export interface AuditPort {
  beginAudit(entry: AuditEntry): Promise<AuditHead>
  endAudit(requestId: string, end: AuditEnd): Promise<boolean>
  recordRefusal(refusal: Refusal): Promise<void>
}

/** `typ` of a signed head; its payload is `{chain, sequence, hash, at}`. */
export const AUDIT_HEAD_TYPE = 'nearfield-audit-head+jws'
