import { z } from 'zod';
import { type Caller, partyIdOf } from '../../application/caller.ts';
import { type Filter, positionOf, readDisputes, readOrder, type SeenPage, type Sort } from '../../application/read.ts';
import { readSummary } from '../../application/summary.ts';
import { DISPUTE_TYPES, ROLES } from '../../domain/rules.ts';
import { roleIn } from '../../domain/state.ts';
import { decodeCursor, encodeCursor } from '../endpoint/cursor.ts';
import { operation } from '../endpoint/endpoint.ts';
import { digestOf, entityTag } from '../endpoint/etag.ts';
import { isoOrNull } from '../endpoint/instants.ts';
import { boundedPage } from '../endpoint/pages.ts';
import { presentDispute } from '../present/disputes.ts';
import { inputError } from '../problems/input-errors.ts';
import { invalidInput, problemError } from '../problems/problems.ts';
import { OrderId } from '../schemas/common.ts';
import { DISPUTE_STATUSES } from '../schemas/disputes.ts';
import { DisputePage, DisputeSummary, DisputesQuery, OrderDisputesQuery } from '../schemas/lists.ts';

function presentPage({ rows, next }: SeenPage, filter: Filter, sort: Sort, caller: Caller) {
  const page = boundedPage(rows, {
    present: ({ dispute, order, now }) =>
      presentDispute(dispute, order, caller.kind === 'user' ? roleIn(order, caller.id) : null, now),
    placeBehind: ({ dispute }) => positionOf(dispute, sort),
    next,
  });
  return { data: page.data, nextCursor: page.next === null ? null : encodeCursor(page.next, filter) };
}

type Query = z.output<typeof DisputesQuery>;

const forUsers = () =>
  inputError('/query/awaiting', 'not_one_of', { values: ROLES }, '`me` is for users; name a role.');
const forServices = () =>
  inputError('/query/partyId', 'unknown', {}, 'Leave this out: it is for services, and users get their own disputes.');

function awaitingOf(awaiting: Query['awaiting'], caller: Caller): Filter['awaiting'] {
  if (awaiting !== 'me') return awaiting === undefined ? undefined : { role: awaiting };
  if (caller.kind === 'service') throw invalidInput(forUsers());
  return { userId: caller.id };
}

/** What is let through; undefined where everything is, which is no filter. */
function someOf<T>(wanted: readonly T[] | undefined, all: readonly T[]): readonly T[] | undefined {
  return wanted?.length === all.length ? undefined : wanted;
}

/** What a caller asks for, within what it may see: a user's filter never leaves that user's own disputes. */
function filterOf({ awaiting, partyId, ...query }: Query, caller: Caller): Filter {
  if (partyId !== undefined && caller.kind === 'user') throw invalidInput(forServices());
  return {
    partyId: partyIdOf(caller) ?? partyId ?? null,
    status: someOf(query.status, DISPUTE_STATUSES)?.[0],
    types: someOf(query.type, DISPUTE_TYPES),
    resolutions: query.resolution,
    awaiting: awaitingOf(awaiting, caller),
    orderId: query.orderId,
    respondByBefore: query.respondByBefore,
    updatedAfter: query.updatedAfter,
    testClockId: query.testClockId,
  };
}

const listDisputes = operation({
  operationId: 'listDisputes',
  method: 'GET',
  path: '/v1/disputes',
  tag: 'Disputes',
  summary: 'List disputes',
  description: "A user's own disputes, or all of them for a service. Filters are combined with and.",
  access: { party: true, scopes: ['disputes:read'] },
  query: DisputesQuery,
  success: [{ status: 200, description: 'One page.', schema: DisputePage }],
  problems: [],
  handle: async ({ deps, caller, query, reply }) => {
    const { sort, limit, cursor } = query;
    const filter = filterOf(query, caller);
    const after = cursor === undefined ? null : decodeCursor(cursor, filter, sort);
    const page = await readDisputes(deps.write, { filter, sort, after, limit });
    return reply(200, presentPage(page, filter, sort, caller));
  },
});

const getDisputeSummary = operation({
  operationId: 'getDisputeSummary',
  method: 'GET',
  path: '/v1/disputes/summary',
  tag: 'Disputes',
  summary: 'Sum up your open disputes',
  description:
    'For a badge: how many open disputes wait for you and for others, over all of your orders, and by when you have to answer ' +
    'next. A dispute whose `respondBy` has passed does not count.',
  access: { party: true },
  success: [{ status: 200, description: 'The summary.', schema: DisputeSummary, headers: ['ETag'] }],
  problems: [],
  handle: async ({ deps, caller, reply }) => {
    const { nextRespondBy, ...counts } = await readSummary(deps.write, caller.id);
    const body = { ...counts, nextRespondBy: isoOrNull(nextRespondBy) };
    return reply(200, body, { etag: entityTag(digestOf(body)) });
  },
});

const listOrderDisputes = operation({
  operationId: 'listOrderDisputes',
  method: 'GET',
  path: '/v1/orders/{orderId}/disputes',
  tag: 'Disputes',
  summary: "List an order's disputes",
  description: 'All disputes that the order has had, newest first.',
  access: { party: true, scopes: ['disputes:read'] },
  forOperatorsToo: true,
  params: z.strictObject({ orderId: OrderId }),
  query: OrderDisputesQuery,
  success: [{ status: 200, description: 'One page.', schema: DisputePage }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params: { orderId }, query: { limit, cursor }, reply }) => {
    const sort = '-openedAt';
    const partyId = partyIdOf(caller);
    const filter: Filter = { partyId, orderId };
    const after = cursor === undefined ? null : decodeCursor(cursor, filter, sort);
    const found = await readOrder(deps.write, { orderId }, partyId);
    if (found === undefined) throw problemError('not_found', 'There is no such order, or it is not yours.');
    const page = await readDisputes(deps.write, { filter, sort, after, limit });
    return reply(200, presentPage(page, filter, sort, caller));
  },
});

export const listRoutes = [listDisputes, getDisputeSummary, listOrderDisputes];
