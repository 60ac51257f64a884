import { z } from 'zod';
import { partyIdOf } from '../../application/caller.ts';
import { END_REASONS } from '../../application/feed/follow.ts';
import { readOrder, readTime } from '../../application/read.ts';
import { operation } from '../endpoint/endpoint.ts';
import { lastEventId } from '../endpoint/last-event-id.ts';
import { EVENT_STREAM } from '../endpoint/media-types.ts';
import { exampleRow } from '../openapi/examples.ts';
import { problemError } from '../problems/problems.ts';
import { OrderId } from '../schemas/common.ts';
import { EventStreamQuery } from '../schemas/events.ts';
import { endMessage, eventMessage, HEARTBEAT, REFRESH, readyMessage } from '../streams/stream-messages.ts';

function exampleOfStream(): string {
  const row = exampleRow('dispute.opened');
  const ready = readyMessage(row.seq - 1, row.occurredAt - 60_000, 2_500);
  return ready + HEARTBEAT + eventMessage(row) + REFRESH + endMessage('lifetime', 250);
}

const EventStream = z.string().meta({
  description:
    'Server-sent events. Every message has `event` and, as JSON, `data`:\n\n' +
    '- `ready` comes first: `{ serverTime, position }`. Nothing behind `position`, which is also its `id`, is missed.\n' +
    '- Any message with an `id` is an event: `event` is its type, `id` its `seq`, and `data` the event as in `Event`.\n' +
    '- `refresh` has no `id`: `{ reason: "hold" }`. A hold that covers an order of the stream has begun or ended, or lasts ' +
    'when the reader comes back: read again what you show, after a random time of up to two seconds, since all readers get ' +
    'it at once.\n' +
    `- \`end\` comes last where the service ends the stream: \`{ reason }\` with one of \`${END_REASONS.join('`, `')}\`. It ` +
    'has no `id`.\n\n' +
    '`retry` says how many milliseconds to wait before coming back. A quiet stream carries a comment line every 15 seconds.',
  examples: [exampleOfStream()],
});

const HOW_IT_WORKS =
  'Without a position the stream begins now: wait for `ready`, then read what you show; nothing falls between the two. After ' +
  'a break, come back with the `id` of the last message as `Last-Event-ID`: nothing is missed and nothing comes twice. A ' +
  'position beyond the end of the log is refused with `position_ahead`: read again what you show, and begin now. A stream ' +
  'ends after about ten minutes, and where its reader is too slow; come back in the same way, with a valid token. A caller ' +
  'may have ten streams at a time in each process, of whatever kind; one more ends the oldest.';

const success = [{ status: 200, description: 'The stream.', schema: EventStream, mediaType: EVENT_STREAM }] as const;

/** Asks proxies that collect an answer before they pass it on not to. */
const UNBUFFERED = { 'x-accel-buffering': 'no' };

const streamOrderEvents = operation({
  operationId: 'streamOrderEvents',
  method: 'GET',
  path: '/v1/orders/{orderId}/events/stream',
  tag: 'Events',
  summary: 'Follow an order',
  description: `What happens to the order and its disputes, as it happens. ${HOW_IT_WORKS}`,
  access: { party: true },
  params: z.strictObject({ orderId: OrderId }),
  query: EventStreamQuery,
  takesLastEventId: true,
  success,
  problems: ['not_found', 'position_ahead'],
  handle: async ({ deps, caller, params: { orderId }, query, headers, signal: begin, reply }) => {
    const signal = begin();
    const found = await readOrder(deps.write, { orderId }, partyIdOf(caller));
    if (found === undefined) throw problemError('not_found', 'There is no such order, or it is not yours.');
    const after = lastEventId(headers) ?? query.after ?? null;
    const stream = await deps.streams.open({ caller, topic: { orderId }, after, now: found.now, signal });
    return reply(200, stream, UNBUFFERED);
  },
});

const streamEvents = operation({
  operationId: 'streamEvents',
  method: 'GET',
  path: '/v1/events/stream',
  tag: 'Events',
  summary: 'Follow all your orders',
  description:
    'What happens to all orders of which the caller is a party, and to their disputes, as it happens; orders that are ' +
    'reported later are included. A browser needs one such connection for all of its tabs: over HTTP/1.1 it has six per ' +
    `host. ${HOW_IT_WORKS}`,
  access: { party: true },
  query: EventStreamQuery,
  takesLastEventId: true,
  success,
  problems: ['position_ahead'],
  handle: async ({ deps, caller, query, headers, signal: begin, reply }) => {
    const signal = begin();
    const now = await readTime(deps.write);
    const after = lastEventId(headers) ?? query.after ?? null;
    const stream = await deps.streams.open({ caller, topic: { partyId: caller.id }, after, now, signal });
    return reply(200, stream, UNBUFFERED);
  },
});

export const eventStreamRoutes = [streamOrderEvents, streamEvents];
