import { beginHold, LISTED_AT_MOST, recentHolds, releaseHold } from '../../application/holds.ts';
import { replyTo } from '../endpoint/commands.ts';
import { operation } from '../endpoint/endpoint.ts';
import { idempotencyKey } from '../endpoint/idempotency-key.ts';
import { stored } from '../endpoint/reply.ts';
import { presentHold } from '../present/ops.ts';
import { problemError } from '../problems/problems.ts';
import { Hold, HoldList, HoldParams, NewHold, ReleasedHold } from '../schemas/ops.ts';

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
    const { type = null, orderIds = null, note } = call.body;
    const hold = { type, orderIds, note, createdBy: call.caller.id };
    const outcome = await beginHold(call.deps.write, hold, idempotencyKey(call), (row) =>
      stored(call.reply(201, presentHold(row, row.startedAt), { location: `/v1/ops/holds/${row.id}` })),
    );
    return replyTo(outcome);
  },
});

const getHolds = operation({
  operationId: 'listHolds',
  method: 'GET',
  path: '/v1/ops/holds',
  tag: 'Operations',
  summary: 'List holds',
  description: `The last ${LISTED_AT_MOST} holds, newest first.`,
  access: { scopes: ['ops'] },
  success: [{ status: 200, description: 'The holds.', schema: HoldList }],
  problems: [],
  handle: async ({ deps, reply }) => {
    const { now, holds } = await recentHolds(deps.write);
    return reply(200, { data: holds.map((row) => presentHold(row, now)) });
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
    return reply(200, { hold: presentHold(hold, hold.releasedAt ?? hold.startedAt), moved, complete });
  },
});

export const holdRoutes = [createHold, getHolds, deleteHold];
