/** A webhook and its deliveries on the wire: everything but the secret, which is shown once when it is made. */
import { z } from '@hono/zod-openapi'
import { rfc3339 } from '../../core/clock.ts'
import { MAX_WEBHOOK_DESCRIPTION_LENGTH } from '../../core/limits.ts'
import { Problem } from '../../core/problem.ts'
import { publicUrlFault } from '../../egress/public-url.ts'
import type { WEBHOOK_EVENTS } from '../../tenancy/webhook-events.ts'
import type {
  DeliveryPlace,
  DeliveryRecord,
  SendNowResult,
  WebhookRecord,
  WebhookWithSecret,
} from '../../tenancy/webhooks.ts'
import type { Reply } from '../route.ts'
import { pageOf, time } from './fields.ts'

const EVENT_NAMES = [
  'document.indexed',
  'document.failed',
  'job.finished',
  'quota.warning',
  'key.revoked',
] as const satisfies typeof WEBHOOK_EVENTS

export const webhookUrl = z
  .string()
  .superRefine((text, context) => {
    const fault = publicUrlFault(text)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })
  .openapi({
    format: 'uri',
    description: 'https on a public host, port 443 or one from 1024. Redirects are not followed.',
    example: 'https://shop.example/hooks/nearfield',
  })

export const webhookEvents = z
  .array(z.enum(EVENT_NAMES))
  .min(1)
  .refine((events) => new Set(events).size === events.length, 'must name each event once')
  .openapi({ description: 'What it hears of.', uniqueItems: true })

export const webhookDescription = z
  .string()
  .min(1)
  .max(MAX_WEBHOOK_DESCRIPTION_LENGTH)
  .openapi({ description: 'For people.' })

export const webhookSchema = z
  .object({
    id: z.string().openapi({ example: 'wh_x7Qm2LsV0aZp91Rt' }),
    url: z.string(),
    events: z.array(z.enum(EVENT_NAMES)),
    description: z.string().nullable(),
    enabled: z.boolean(),
    disabled: z
      .object({
        reason: z.enum(['gone', 'failing', 'backlog']).openapi({
          description:
            '`gone`: it answered 410; `failing`: nothing arrived for 5 days; `backlog`: too much waited for it.',
        }),
        at: time,
      })
      .nullable()
      .openapi({ description: 'Why it is not enabled, where that was not asked for.' }),
    failingSince: time.nullable().openapi({ description: 'The first failure since a delivery last arrived.' }),
    waiting: z.int().openapi({ description: 'Deliveries that have not ended.' }),
    previousSecretUntil: time.nullable().openapi({ description: 'Until then both secrets sign.' }),
    createdAt: time,
    updatedAt: time,
  })
  .openapi('Webhook')

export const webhookPageSchema = pageOf(webhookSchema, 'WebhookPage')

export const webhookWithSecretSchema = webhookSchema
  .extend({
    secret: z.string().optional().openapi({ description: '`whsec_…`, which verifies deliveries. Shown this once.' }),
    secretShown: z
      .literal(false)
      .optional()
      .openapi({ description: 'Stands instead of `secret` where the answer is a replay.' }),
  })
  .openapi('WebhookWithSecret')

const attemptSchema = z.object({
  at: time,
  status: z.int().optional().openapi({ description: 'What the receiver answered.' }),
  failure: z
    .enum(['refused', 'timeout', 'network', 'redirect', 'unsigned'])
    .optional()
    .openapi({ description: 'Why there was no answer that counts.' }),
})

export const deliverySchema = z
  .object({
    id: z.string().openapi({ example: 'dlv_p4Xy0Zk81mQw7LcB' }),
    event: z
      .object({ id: z.string(), type: z.string() })
      .openapi({ description: 'The id is `webhook-id` of every attempt.' }),
    status: z.enum(['waiting', 'succeeded', 'failed']),
    attempts: z.array(attemptSchema).openapi({ description: 'Oldest first.' }),
    nextAttemptAt: time.nullable().openapi({ description: '`null` when it has ended.' }),
    createdAt: time,
  })
  .openapi('WebhookDelivery')

export const deliveryPageSchema = pageOf(deliverySchema, 'WebhookDeliveryPage')

const timeOrNull = (timeMs: number | undefined): string | null => (timeMs === undefined ? null : rfc3339(timeMs))

export function webhookView(webhook: WebhookRecord): z.input<typeof webhookSchema> {
  const { id, url, events, description, enabled, disabled, waiting } = webhook
  return {
    id,
    url,
    events: [...events],
    description: description ?? null,
    enabled,
    disabled: disabled === undefined ? null : { reason: disabled.reason, at: rfc3339(disabled.atMs) },
    failingSince: timeOrNull(webhook.failingSinceMs),
    waiting,
    previousSecretUntil: timeOrNull(webhook.previousSecretUntilMs),
    createdAt: rfc3339(webhook.createdAtMs),
    updatedAt: rfc3339(webhook.updatedAtMs),
  }
}

/** The 201 that shows a secret, once. */
export function secretReply({ webhook, secret }: WebhookWithSecret): Reply {
  const view = webhookView(webhook)
  return {
    status: 201,
    headers: { location: `/v1/webhooks/${webhook.id}` },
    body: { ...view, secret },
    replayBody: { ...view, secretShown: false },
  }
}

export function deliveryView(delivery: DeliveryRecord): z.input<typeof deliverySchema> {
  const { id, eventId, type, status, attempts } = delivery
  return {
    id,
    event: { id: eventId, type },
    status,
    attempts: attempts.map(({ atMs, ...result }) => ({ at: rfc3339(atMs), ...result })),
    nextAttemptAt: timeOrNull(delivery.nextAttemptAtMs),
    createdAt: rfc3339(delivery.createdAtMs),
  }
}

/** @throws not_found, webhook_disabled */
export function sentReply(delivery: SendNowResult): Reply {
  if (delivery === 'absent') throw new Problem('not_found')
  if (delivery === 'disabled') throw new Problem('webhook_disabled')
  return { status: 202, body: deliveryView(delivery) }
}

/** A place in the list of deliveries, as cursors hold it. */
export const placeOf = ({ createdAtMs, id }: DeliveryPlace): string => `${createdAtMs}.${id}`

export function deliveryPlace(text: string): DeliveryPlace {
  const dot = text.indexOf('.')
  return { createdAtMs: Number(text.slice(0, dot)), id: text.slice(dot + 1) }
}
