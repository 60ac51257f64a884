import { z } from 'zod';
import { beginHold, type HoldPlace, readHolds, releaseHold, type SinceRefused } from '../../application/holds.ts';
import { LONGEST_BACK_MS } from '../../domain/holds.ts';
import { replyTo } from '../endpoint/commands.ts';
import { decodeToken, encodeToken } from '../endpoint/cursor.ts';
import { operation } from '../endpoint/endpoint.ts';
import { idempotencyKey } from '../endpoint/idempotency-key.ts';
import { iso } from '../endpoint/instants.ts';
import { boundedPage } from '../endpoint/pages.ts';
import { stored } from '../endpoint/reply.ts';
import { presentHold } from '../present/ops.ts';
import { inputError } from '../problems/input-errors.ts';
import { invalidInput, problemError } from '../problems/problems.ts';
import { Hold, HoldList, HoldParams, HoldsQuery, NewHold, ReleasedHold } from '../schemas/ops.ts';

/** What a list is of: a cursor of one is not taken by another. */
interface Listed {
  readonly orderId: string | null;
  readonly onlyActive: boolean;
}

const listOf = ({ orderId, onlyActive }: Listed) => ['holds', orderId, onlyActive];
const Place = z.tuple([z.int(), z.uuid()]);

const encodePlace = ({ createdAt, id }: HoldPlace, listed: Listed): string =>
  encodeToken([createdAt, id], listOf(listed));

function decodePlace(cursor: string, listed: Listed): HoldPlace {
  const [createdAt, id] = decodeToken(cursor, listOf(listed), Place);
  return { createdAt, id };
}

function sinceError({ sinceFault, now }: SinceRefused) {
  const error =
    sinceFault === 'in_the_future'
      ? inputError('/since', 'too_big', { latest: iso(now) })
      : inputError('/since', 'too_small', { earliest: iso(now - LONGEST_BACK_MS) });
  return invalidInput(error);
}

const noSuchHold = () => problemError('not_found', 'There is no such hold.');

const createHold = operation({
  operationId: 'createHold',
  method: 'POST',
  path: '/v1/ops/holds',
  tag: 'Operations',
  summary: 'Begin a hold',
  description:
    'Keeps silence from taking effect while people cannot answer: on all disputes, on those of one type, or on those of ' +
    'some orders, also on those opened meanwhile. Answers stay possible.',
  access: { scopes: ['ops'] },
  body: NewHold,
  takesKey: true,
  success: [{ status: 201, description: 'The hold has begun.', schema: Hold, headers: ['Location'] }],
  problems: [],
  handle: async (call) => {
    const { type = null, orderIds = null, note, since = null } = call.body;
    const hold = { type, orderIds, note, since, createdBy: call.caller.id };
    const outcome = await beginHold(call.deps.write, hold, idempotencyKey(call), (begun) => {
      if ('sinceFault' in begun) throw sinceError(begun);
      return stored(call.reply(201, presentHold(begun, begun.createdAt), { location: `/v1/ops/holds/${begun.id}` }));
    });
    return replyTo(outcome);
  },
});

const getHolds = operation({
  operationId: 'listHolds',
  method: 'GET',
  path: '/v1/ops/holds',
  tag: 'Operations',
  summary: 'List holds',
  description:
    'All holds, those that last, or those that covered a dispute of an order; those that were begun last first.',
  access: { scopes: ['ops'] },
  query: HoldsQuery,
  success: [{ status: 200, description: 'One page.', schema: HoldList }],
  problems: [],
  handle: async ({ deps, query: { limit, cursor, orderId = null, status }, reply }) => {
    const listed = { orderId, onlyActive: status === 'active' };
    const after = cursor === undefined ? null : decodePlace(cursor, listed);
    const { now, holds, next } = await readHolds(deps.write.db, { after, limit, ...listed });
    const page = boundedPage(holds, {
      present: (row) => presentHold(row, now),
      placeBehind: (row): HoldPlace => row,
      next,
    });
    return reply(200, { data: page.data, nextCursor: page.next === null ? null : encodePlace(page.next, listed) });
  },
});

const deleteHold = operation({
  operationId: 'releaseHold',
  method: 'DELETE',
  path: '/v1/ops/holds/{id}',
  tag: 'Operations',
  summary: 'Release a hold',
  description:
    'Ends a hold and moves every open deadline in it by exactly the time held. Time in which holds overlap counts once: ' +
    'a dispute that another hold still covers is moved when that one ends. Releasing it again changes nothing.',
  access: { scopes: ['ops'] },
  params: HoldParams,
  success: [{ status: 200, description: 'The hold is over.', schema: ReleasedHold }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params: { id }, reply }) => {
    const released = await releaseHold(deps.write, id, caller.id);
    if (released === undefined) throw noSuchHold();
    const { hold, moved, complete } = released;
    return reply(200, { hold: presentHold(hold, hold.releasedAt ?? hold.since), moved, complete });
  },
});

export const holdRoutes = [createHold, getHolds, deleteHold];
