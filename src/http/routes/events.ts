import { hasScope } from '../../application/caller.ts';
import { awaitFeed } from '../../application/feed/await-feed.ts';
import { operation } from '../endpoint/endpoint.ts';
import { boundedPage } from '../endpoint/pages.ts';
import { presentEvent } from '../present/events.ts';
import { positionAhead } from '../problems/problems.ts';
import { EventPage, EventsQuery } from '../schemas/events.ts';

const listEvents = operation({
  operationId: 'listEvents',
  method: 'GET',
  path: '/v1/events',
  tag: 'Events',
  summary: 'Read the event feed',
  description:
    'Everything that happens, in one sequence. Start with `after=0`, go on with `nextAfter`: a position that you have ' +
    'passed never gains an earlier event. With `wait` the call returns when something comes. A position beyond the end of ' +
    'the log is refused with `position_ahead`: after a restore from a backup a consumer would wait for events that it ' +
    'takes for read.',
  access: { scopes: ['events:read'] },
  query: EventsQuery,
  success: [{ status: 200, description: 'One page.', schema: EventPage }],
  problems: ['position_ahead'],
  handle: async ({ deps, caller, query: { after, types, orderId, limit, wait }, signal, reply }) => {
    const page = await awaitFeed(deps.write.db, { after, types, orderId, limit }, wait * 1_000, signal());
    if (after > page.end) throw positionAhead(page.end);
    const withComments = hasScope(caller, 'comments:read');
    const { data, next } = boundedPage(page.rows, {
      present: (row) => presentEvent(row, withComments),
      placeBehind: ({ seq }) => seq,
      next: page.nextAfter,
    });
    return reply(200, { data, nextAfter: next ?? page.nextAfter });
  },
});

export const eventRoutes = [listEvents];
