import { z } from 'zod';
import { roleIn } from '../../domain/state.ts';
import { type Caller, partyIdOf } from '../../operations/caller.ts';
import { readDisputes, readOrder } from '../../operations/read.ts';
import type { Filter, Page } from '../../store/listing.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { operation } from '../operation.ts';
import { presentDispute } from '../present.ts';
import { problemError } from '../problems.ts';
import { OrderId } from '../schemas/common.ts';
import { DisputePage, DisputesQuery, OrderDisputesQuery } from '../schemas/lists.ts';

function presentPage({ now, rows, next }: Page, filter: Filter, caller: Caller) {
  const data = rows.map(({ dispute, order }) =>
    presentDispute(dispute, order, caller.kind === 'user' ? roleIn(order, caller.id) : null, now),
  );
  return { data, nextCursor: next === null ? null : encodeCursor(next, filter) };
}

type Query = z.output<typeof DisputesQuery>;

const refuse = (name: string, message: string) =>
  problemError('validation_failed', 'One thing is wrong with the request.', {
    extra: { errors: [{ pointer: `/query/${name}`, message }] },
  });

function awaitingOf(awaiting: Query['awaiting'], caller: Caller): Filter['awaiting'] {
  if (awaiting !== 'me') return awaiting === undefined ? undefined : { role: awaiting };
  if (caller.kind === 'service') throw refuse('awaiting', 'me is for users');
  return { userId: caller.id };
}

/** What a caller asks for, within what it may see: a user's filter never leaves that user's own disputes. */
function filterOf({ awaiting, partyId, ...query }: Query, caller: Caller): Filter {
  if (partyId !== undefined && caller.kind === 'user')
    throw refuse('partyId', 'is for services; yours are listed anyway');
  return {
    partyId: partyIdOf(caller) ?? partyId ?? null,
    status: query.status,
    type: query.type,
    resolution: query.resolution,
    awaiting: awaitingOf(awaiting, caller),
    orderId: query.orderId,
    respondByBefore: query.respondByBefore,
    updatedAfter: query.updatedAfter,
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
  handle: async ({ deps, caller, query }) => {
    const { sort, limit, cursor } = query;
    const filter = filterOf(query, caller);
    const after = cursor === undefined ? null : decodeCursor(cursor, filter, sort);
    const page = await readDisputes(deps.write, { filter, sort, after, limit });
    return { status: 200, body: presentPage(page, filter, caller) };
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
  params: z.strictObject({ orderId: OrderId }),
  query: OrderDisputesQuery,
  success: [{ status: 200, description: 'One page.', schema: DisputePage }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params: { orderId }, query: { limit, cursor } }) => {
    const sort = '-openedAt';
    const partyId = partyIdOf(caller);
    const filter: Filter = { partyId, orderId };
    const after = cursor === undefined ? null : decodeCursor(cursor, filter, sort);
    const found = await readOrder(deps.write, { orderId }, partyId);
    if (found === undefined) throw problemError('not_found', 'There is no such order, or it is not yours.');
    const page = await readDisputes(deps.write, { filter, sort, after, limit });
    return { status: 200, body: presentPage(page, filter, caller) };
  },
});

export const listOperations = [listDisputes, listOrderDisputes];
