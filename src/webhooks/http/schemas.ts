import { z } from 'zod';
import { fault, issueOf } from '../../http/problems/input-errors.ts';
import { Note, OrderId, Timestamp, uuid } from '../../http/schemas/common.ts';
import { cursor, decimal, optional, orNull, withDefault } from '../../http/schemas/input.ts';
import { parseDuration } from '../../platform/duration.ts';
import { ATTEMPTS_SHOWN } from '../manage.ts';
import { MESSAGE_TYPES, SUBSCRIBED_TYPES } from '../states.ts';

const WEEK_MS = 7 * 24 * 60 * 60 * 1_000;

export const EndpointId = uuid().meta({ id: 'WebhookEndpointId', description: 'A UUID v7.' });
const DeliveryId = uuid().meta({ id: 'WebhookDeliveryId', description: 'A UUID v7.' });

const WebhookType = z.enum(SUBSCRIBED_TYPES).meta({ id: 'WebhookType' });
const MessageType = z.enum(MESSAGE_TYPES).meta({ id: 'WebhookMessageType' });

const types = z
  .array(WebhookType)
  .min(1)
  .max(SUBSCRIBED_TYPES.length)
  .refine((all) => new Set(all).size === all.length, fault('invalid_format', {}, 'Name each type once.'))
  .nullable();

const Url = z
  .string()
  .max(2_048)
  .meta({
    description: 'An https URL on the public internet.',
    examples: ['https://mail.example/hooks/resolution-center'],
  });

const settings = {
  url: Url,
  types: types.meta({ description: 'Only these types; null for all, also for those to come.' }),
  description: Note.nullable().meta({ description: 'For people.' }),
  active: z.boolean().meta({
    description:
      'Whether anything is sent. With `true` an endpoint goes on where it stopped, and what failed is sent soon.',
  }),
  includeComments: z.boolean().meta({
    description:
      'Whether events hold comments. Only a token with the scope `comments:read` may ask for it, and only such a token ' +
      'may change or delete an endpoint that receives comments, or send anything to it again.',
  }),
};

export const NewEndpoint = z
  .strictObject({
    url: settings.url,
    types: orNull(types).meta({ description: 'Only these types; null for all, also for those to come.' }),
    description: orNull(Note).meta({ description: 'For people.' }),
    active: withDefault(settings.active, true),
    includeComments: withDefault(settings.includeComments, false),
  })
  .meta({ id: 'NewWebhookEndpoint' });

export const EndpointChange = z
  .strictObject({
    url: optional(settings.url),
    types: settings.types.optional(),
    description: settings.description.optional(),
    active: optional(settings.active),
    includeComments: optional(settings.includeComments),
  })
  .refine(
    (change) => Object.values(change).some((value) => value !== undefined),
    fault('required', {}, 'Change something.'),
  )
  .meta({
    id: 'WebhookEndpointChange',
    description:
      'What is absent stays as it is; so does `url`, `active` and `includeComments` where they are null. For `types` and ' +
      '`description` null is a value.',
  });

const facts = {
  id: EndpointId,
  ...settings,
  status: z.enum(['active', 'inactive', 'disabled']).meta({
    description: '`disabled` by the service, `inactive` by a request (`active: false`).',
  }),
  disabledReason: z
    .enum(['gone', 'failing'])
    .nullable()
    .meta({ description: '`gone`: it answered 410. `failing`: nothing could be delivered for five days.' }),
  disabledAt: Timestamp.nullable(),
  failingSince: Timestamp.nullable().meta({ description: 'The first failure since the last success.' }),
  position: z.int().min(0).meta({ description: 'The events up to this `seq` have their deliveries.' }),
  previousSecretExpiresAt: Timestamp.nullable().meta({ description: 'Until then messages are signed twice.' }),
  createdBy: z.string(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
};

export const Endpoint = z.strictObject(facts).meta({ id: 'WebhookEndpoint' });

const secret = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]+=*$/)
  .meta({
    description: 'The key with which messages are signed. It is shown in this answer and never again.',
    examples: ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'],
  });

export const EndpointWithSecret = z.strictObject({ ...facts, secret }).meta({ id: 'WebhookEndpointWithSecret' });

export const EndpointPage = z
  .strictObject({ data: z.array(Endpoint), nextCursor: z.string().nullable() })
  .meta({ id: 'WebhookEndpointPage' });

export const DeletedEndpoint = z
  .strictObject({ id: EndpointId, deleted: z.literal(true) })
  .meta({ id: 'DeletedWebhookEndpoint' });

export const Rotation = z
  .strictObject({
    keepPreviousFor: withDefault(z.string().max(20), 'PT24H')
      .transform((text, context) => {
        const ms = parseDuration(text);
        if (ms !== null && ms <= WEEK_MS) return ms;
        const isLong = ms !== null;
        context.addIssue(
          isLong
            ? issueOf('too_big', { longest: 'P7D' })
            : issueOf('invalid_format', {}, 'Write an ISO 8601 duration from PT0S to P7D.'),
        );
        return z.NEVER;
      })
      .meta({
        description: 'For how long messages are signed with the old secret, too: an ISO 8601 duration, at most P7D.',
        examples: ['PT24H'],
      }),
  })
  .meta({ id: 'WebhookSecretRotation' });

export const Replay = z
  .strictObject({
    after: z.int().min(0).meta({
      description: 'The `seq` behind which to begin; 0 for the beginning. One beyond the end of the log is refused.',
    }),
  })
  .meta({ id: 'WebhookReplay' });

const DELIVERY_STATUSES = ['waiting', 'pending', 'delivered', 'failed', 'skipped'] as const;

const Attempt = z
  .strictObject({
    at: Timestamp,
    durationMs: z.int().min(0),
    counted: z.boolean().meta({
      description: 'Whether it was one of the ten. An early attempt, after an outage, does not count.',
    }),
    statusCode: z.int().nullable().meta({ description: 'Null where no answer came.' }),
    error: z.string().nullable().meta({ description: 'Why no answer came.' }),
    response: z
      .string()
      .nullable()
      .meta({
        description:
          'The beginning of the answer. Null where the endpoint receives comments, or did so then, and the token lacks ' +
          '`comments:read`, and once a comment of the order was erased.',
      }),
  })
  .meta({ id: 'WebhookAttempt' });

export const Delivery = z
  .strictObject({
    id: DeliveryId,
    endpointId: EndpointId,
    eventId: z.uuid().meta({ description: "The message's `webhook-id`; of an event, its id in the feed." }),
    type: MessageType,
    orderId: OrderId.nullable(),
    orderVersion: z.int().min(1).nullable(),
    seq: z.int().min(1).nullable(),
    status: z.enum(DELIVERY_STATUSES).meta({
      description:
        '`waiting` for an earlier event of the same order, `pending` an attempt, `delivered`, `failed` after ten attempts, ' +
        'or `skipped`, since the endpoint does not want its type any more.',
    }),
    attempts: z.array(Attempt).max(ATTEMPTS_SHOWN).meta({ description: 'The last ones, oldest first.' }),
    nextAttemptAt: Timestamp.nullable().meta({
      description: 'Null while an attempt is under way, and where none will be.',
    }),
    createdAt: Timestamp,
    finishedAt: Timestamp.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });

export const DeliveryPage = z
  .strictObject({ data: z.array(Delivery), nextCursor: z.string().nullable() })
  .meta({ id: 'WebhookDeliveryPage' });

const limit = decimal({ min: 1, max: 100, byDefault: 20 }).meta({ description: 'How many a page has at most.' });
const cursorOf = cursor(300).meta({ description: 'The `nextCursor` of the page before.' });

export const EndpointsQuery = z.strictObject({ limit, cursor: cursorOf });
export const DeliveriesQuery = z.strictObject({
  status: z.enum(DELIVERY_STATUSES).optional().meta({ description: 'Only deliveries with this status.' }),
  limit,
  cursor: cursorOf,
});

export const OrderDeliveriesQuery = z.strictObject({ limit, cursor: cursorOf });

export const OrderDeliveriesParams = z.strictObject({ orderId: OrderId });
export const EndpointParams = z.strictObject({ id: EndpointId });
export const DeliveryParams = z.strictObject({ id: DeliveryId });
