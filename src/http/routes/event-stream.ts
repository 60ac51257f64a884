import { z } from 'zod';
import { partyIdOf } from '../../operations/caller.ts';
import { readOrder } from '../../operations/read.ts';
import { eventMessage, readyMessage, STREAM_OPENING } from '../event-streams.ts';
import { lastEventId } from '../last-event-id.ts';
import { exampleRow } from '../openapi-examples.ts';
import { EVENT_STREAM, operation } from '../operation.ts';
import { problemError } from '../problems.ts';
import { OrderId } from '../schemas/common.ts';
import { EventStreamQuery } from '../schemas/events.ts';

function exampleOfStream(): string {
  const row = exampleRow('dispute.opened');
  return STREAM_OPENING + readyMessage(row.seq - 1, row.occurredAt - 60_000) + eventMessage(row);
}

const EventStream = z.string().meta({
  description:
    'Server-sent events. `event` is the type of an event, `id` its `seq`, `data` the event as JSON, as in `Event`. A stream ' +
    'that begins now first sends `ready`: its `id` is the position from which nothing is missed, its `data` holds ' +
    '`serverTime` and that `position`.',
  examples: [exampleOfStream()],
});

const streamOrderEvents = operation({
  operationId: 'streamOrderEvents',
  method: 'GET',
  path: '/v1/orders/{orderId}/events/stream',
  tag: 'Events',
  summary: 'Follow an order',
  description:
    'What happens to the order and its disputes, as it happens. Without a position the stream begins now: wait for ' +
    '`ready`, then read what you show; nothing falls between the two. After a cut come back with the `id` of the last ' +
    'message as `Last-Event-ID`: nothing is missed and nothing comes twice. A stream ends after ten minutes, and where its ' +
    'reader is too slow; come back in the same way, with a valid token. A caller may have ten at a time.',
  access: { party: true },
  params: z.strictObject({ orderId: OrderId }),
  query: EventStreamQuery,
  takesLastEventId: true,
  success: [{ status: 200, description: 'The stream.', schema: EventStream, mediaType: EVENT_STREAM }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params: { orderId }, query, headers, signal: begin }) => {
    const signal = begin();
    const found = await readOrder(deps.write, { orderId }, partyIdOf(caller));
    if (found === undefined) throw problemError('not_found', 'There is no such order, or it is not yours.');
    const after = lastEventId(headers) ?? query.after ?? null;
    const body = await deps.streams.open({ caller, orderId, after, now: found.now, signal });
    // Proxies that collect an answer before they pass it on would make it come late.
    return { status: 200, headers: { 'x-accel-buffering': 'no' }, body };
  },
});

export const eventStreamOperations = [streamOrderEvents];
