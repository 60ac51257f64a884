import type { z } from 'zod';
import { ENTRY_TYPES, type EntryType } from '../../domain/commands.ts';
import type { WebhookSection } from '../../http/openapi/document.ts';
import { exampleRow } from '../../http/openapi/examples.ts';
import { presentWebhook } from '../../http/present/events.ts';
import { Timestamp } from '../../http/schemas/common.ts';
import { Event } from '../../http/schemas/events.ts';

type Json = Record<string, unknown>;

interface Description {
  readonly summary: string;
  /** When exactly it is sent. */
  readonly sent: string;
  /** What `previous` holds, unless it is null. */
  readonly previous?: string;
}

const DESCRIPTIONS: Readonly<Record<EntryType, Description>> = {
  'dispute.opened': {
    summary: 'A dispute was opened',
    sent: 'Sent when a party has opened a dispute; `order.status_changed` to `in_dispute` follows.',
  },
  'dispute.accepted': {
    summary: 'A request was accepted',
    sent:
      'Sent when the respondent has accepted a cancellation or an order change before `respondBy`; what this does to the ' +
      'order follows in events of its own.',
  },
  'dispute.declined': {
    summary: 'A request was declined',
    sent:
      'Sent when the respondent has declined a cancellation or an order change before `respondBy`; the order goes back to ' +
      'its previous status.',
  },
  'dispute.answered': {
    summary: 'A request for an update was answered',
    sent:
      'Sent when the freelancer has provided the update that was asked for, or the order service has reported the order ' +
      'as `delivered`, which counts as one.',
  },
  'dispute.withdrawn': {
    summary: 'A request was withdrawn',
    sent: 'Sent when the opener has withdrawn the dispute; the order goes back to its previous status.',
  },
  'dispute.expired': {
    summary: 'Silence took effect',
    sent:
      'Sent when `respondBy` has come without an answer; what `dispute.onExpiry` does to the order follows in an event of ' +
      'its own.',
  },
  'dispute.superseded': {
    summary: 'The order ended, and the dispute with it',
    sent: 'Sent when the order service has reported `completed` or `cancelled` while the dispute was open.',
  },
  'dispute.comment_added': {
    summary: 'A comment was added',
    sent:
      'Sent when a party has added a comment to an open dispute; one that comes with an opening or an answer is part of ' +
      'that event.',
  },
  'dispute.deadline_shifted': {
    summary: 'A deadline was moved',
    sent:
      'Sent when the deadline of an open dispute was moved by the time for which operators held it: after the hold, or ' +
      'with the next thing that is done to the order during it.',
    previous: '`previous` holds `respondBy` as it was.',
  },
  'dispute.reminder_due': {
    summary: 'A deadline comes near',
    sent:
      'Sent at each configured time before `respondBy` while the dispute is open and not held; where several have come ' +
      'due at once, one stands for all.',
  },
  'dispute.seen': {
    summary: 'A party saw a dispute',
    sent: 'Sent when a party has seen an open dispute for the first time; `actor` is that party.',
  },
  'dispute.notified': {
    summary: 'A party was notified of a dispute',
    sent:
      'Sent when a service has recorded that a message reached a party of an open dispute, for the first one on each ' +
      'channel; `notification` says whom, how and when.',
  },
  'order.status_changed': {
    summary: 'The status of an order changed',
    sent:
      'Sent when the status of a known order has become another one, by a dispute or by a report; `dispute` is there if a ' +
      'dispute was the reason.',
    previous: '`previous` holds `status` as it was.',
  },
  'order.delivery_date_changed': {
    summary: 'The delivery date of an order changed',
    sent: 'Sent when `deliverBy` of a known order has become another one, by an accepted order change or by a report.',
    previous: '`previous` holds `deliverBy` as it was, null if there was none.',
  },
  'order.extras_added': {
    summary: 'Extras were added to an order',
    sent: 'Sent when an accepted order change has added extras to an order.',
    previous:
      '`previous` holds `extrasCount`: so many were there before. `dispute.change.extras` are those that were added.',
  },
  'order.details_changed': {
    summary: 'Details of an order changed',
    sent:
      'Sent when a report has changed the title or the price of a known order, or the status behind its open dispute ' +
      '(`previousStatus`); also when it has changed nothing but the `revision`.',
    previous: '`previous` holds `previousStatus`, `title`, `price` or `revision` as it was: each one that changed.',
  },
};

/** The headers of every webhook, by Standard Webhooks. */
const PARAMETERS = {
  WebhookId: {
    name: 'webhook-id',
    in: 'header',
    required: true,
    description: 'The `id` of the event, the same each time that it is sent: drop what you have seen.',
    schema: { type: 'string', minLength: 1 },
    example: exampleRow('dispute.opened').id,
  },
  WebhookTimestamp: {
    name: 'webhook-timestamp',
    in: 'header',
    required: true,
    description:
      'When the message was sent this time, in seconds since 1970. Refuse one that is minutes away from your clock.',
    schema: { type: 'string', pattern: '^\\d+$' },
    example: String(Math.ceil(exampleRow('dispute.opened').occurredAt / 1_000) + 1),
  },
  WebhookSignature: {
    name: 'webhook-signature',
    in: 'header',
    required: true,
    description:
      'One or more signatures with spaces between, one of which has to be right: `v1,` and the Base64 of the HMAC-SHA256, ' +
      'by the secret of the endpoint, of `{webhook-id}.{webhook-timestamp}.{body}`, with the body in the bytes that came.',
    schema: { type: 'string', minLength: 1 },
    example: 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  },
};

const RESPONSES: Json = {
  '2XX': { description: 'The message was taken; answer before you work on it. It is not sent again.' },
  '410': {
    description: 'The receiver is gone: the endpoint is disabled, and gets no message until it is enabled again.',
  },
  default: { description: 'Any other answer, or none in time: the message is sent again later.' },
};

const operationIdOf = (type: EntryType): string =>
  `on${type.replaceAll(/(?:^|[._])(\w)/g, (_, letter) => letter.toUpperCase())}`;

function payloadSchema(type: EntryType, schemaOf: (schema: z.ZodType) => Json): Json {
  const ofType = { type: { type: 'string', enum: [type] } };
  return {
    type: 'object',
    required: ['type', 'timestamp', 'data'],
    additionalProperties: false,
    properties: {
      type: { type: 'string', enum: [type] },
      timestamp: { allOf: [schemaOf(Timestamp)], description: 'When it happened: `occurredAt` of the event.' },
      data: { allOf: [schemaOf(Event), { type: 'object', required: ['type'], properties: ofType }] },
    },
  };
}

function entriesOf(schemaOf: (schema: z.ZodType) => Json): Record<string, Json> {
  const parameters = Object.keys(PARAMETERS).map((name) => ({ $ref: `#/components/parameters/${name}` }));
  const entries = ENTRY_TYPES.map((type) => {
    const content = { schema: payloadSchema(type, schemaOf), example: presentWebhook(exampleRow(type), false) };
    const { summary, sent, previous = '`previous` is null.' } = DESCRIPTIONS[type];
    const post = {
      operationId: operationIdOf(type),
      summary,
      description: `${sent} ${previous}`,
      tags: ['Webhooks'],
      security: [],
      parameters,
      requestBody: { required: true, content: { 'application/json': content } },
      responses: RESPONSES,
    };
    return [type, { post }] as const;
  });
  return Object.fromEntries(entries);
}

/** The `webhooks` of the document: the messages that endpoints receive, one entry for each type of event. */
export const webhookSection: WebhookSection = { parameters: PARAMETERS, entriesOf };
