import { z } from 'zod';
import { ENTRY_TYPES } from '../../domain/commands.ts';
import { LIMITS } from '../../domain/rules.ts';
import { Livemode, Money, OrderId, Timestamp } from './common.ts';
import { Dispute, LogActor, Notification, OrderStatus } from './disputes.ts';
import { decimal, listOf } from './input.ts';
import { Order, ReportedStatus } from './orders.ts';

export const EventType = z.enum(ENTRY_TYPES).meta({ id: 'EventType' });

const EventDispute = z
  .strictObject(Dispute.omit({ viewer: true, comment: true, order: true, held: true, serverTime: true }).shape)
  .meta({ id: 'EventDispute', description: 'The dispute as it was after the event, without what people wrote.' });

const EventOrder = z
  .strictObject({
    ...Order.omit({ extras: true, openDispute: true, cancellation: true, serverTime: true }).shape,
    extrasCount: z
      .int()
      .min(0)
      .max(LIMITS.orderExtras)
      .meta({ description: 'How many extras it had; read the order for what they are.' }),
  })
  .meta({ id: 'EventOrder', description: 'The order as it was after the event.' });

const EventPrevious = z
  .strictObject({
    status: OrderStatus.optional(),
    deliverBy: Timestamp.nullable().optional(),
    respondBy: Timestamp.optional(),
    extrasCount: z.int().optional(),
    title: z.string().nullable().optional(),
    price: Money.optional(),
    previousStatus: ReportedStatus.optional().meta({ description: 'The status behind an open dispute.' }),
    revision: z.int().min(0).optional().meta({ description: 'Only where a report changed nothing else.' }),
  })
  .meta({ id: 'EventPrevious', description: 'What the event changed, as it was before.' });

export const Event = z
  .strictObject({
    id: z.uuid().meta({ description: 'The same in the feed and in every delivery: drop what you have seen.' }),
    seq: z
      .int()
      .min(1)
      .meta({ description: 'The place in the one sequence of all events; it counts up, and may skip numbers.' }),
    type: EventType,
    occurredAt: Timestamp,
    orderId: OrderId,
    orderVersion: z.int().min(1).meta({ description: 'Counts the events of this order, from 1, without gaps.' }),
    livemode: Livemode,
    actor: LogActor,
    dispute: EventDispute.optional().meta({ description: 'Absent where the event is about the order alone.' }),
    order: EventOrder,
    previous: EventPrevious.nullable(),
    notification: Notification.optional().meta({ description: 'With `dispute.notified`.' }),
    comment: z.string().optional().meta({
      description:
        'What was written with it: for the parties, with the scope `comments:read`, and for endpoints that may have it.',
    }),
  })
  .meta({ id: 'Event' });

export const EventPage = z
  .strictObject({
    data: z.array(Event),
    nextAfter: z.int().min(0).meta({ description: 'The `after` of the next call: nothing ever appears behind it.' }),
  })
  .meta({ id: 'EventPage' });

const POSITION = { min: 0, max: Number.MAX_SAFE_INTEGER };

export const EventsQuery = z.strictObject({
  after: decimal({ ...POSITION, byDefault: 0 }).meta({
    description: 'The `nextAfter` of the call before; 0 for the beginning.',
  }),
  types: listOf(ENTRY_TYPES, EventType).meta({ description: 'Only these types, with commas between.' }),
  orderId: OrderId.optional(),
  limit: decimal({ min: 1, max: 500, byDefault: 100 }).meta({ description: 'How many events a page has at most.' }),
  wait: decimal({ min: 0, max: 30, byDefault: 0 }).meta({
    description: 'Seconds to wait for an event to come if there is none yet.',
  }),
});

export const EventStreamQuery = z.strictObject({
  after: decimal(POSITION).meta({
    description:
      'For those who cannot send `Last-Event-ID`, with the same meaning; 0 for everything from the beginning.',
  }),
});
