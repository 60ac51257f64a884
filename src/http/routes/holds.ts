import { beginHold, moveReleased, releaseHold } from '../../application/holds.ts';
import { runOnce } from '../../application/idempotent.ts';
import { withTx } from '../../platform/postgres/database.ts';
import { withRetry } from '../../platform/postgres/retry.ts';
import { findHold, type HoldRow, listHolds } from '../../store/holds.ts';
import { replyTo, respond } from '../endpoint/commands.ts';
import { operation } from '../endpoint/endpoint.ts';
import { idempotencyKey } from '../endpoint/idempotency-key.ts';
import { presentHold } from '../present/ops.ts';
import { problemError } from '../problems/problems.ts';
import { Hold, HoldList, HoldParams, NewHold, ReleasedHold } from '../schemas/ops.ts';

const MAX_LISTED = 100;
// As much as a request can wait for; the workers go on with the rest.
const RELEASE_BATCHES = 10;

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
    const hold = { id: call.deps.write.newId(), type, orderIds, note, createdBy: call.caller.id };
    const outcome = await runOnce(call.deps.write.db, idempotencyKey(call), async (tx) => {
      const row = await beginHold(tx, hold);
      return respond(201, presentHold(row, row.startedAt), { location: `/v1/ops/holds/${row.id}` });
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
  description: `The last ${MAX_LISTED} holds, newest first.`,
  access: { scopes: ['ops'] },
  success: [{ status: 200, description: 'The holds.', schema: HoldList }],
  problems: [],
  handle: async ({ deps }) => {
    const { now, holds } = await listHolds(deps.write.db, MAX_LISTED);
    return { status: 200, body: { data: holds.map((row) => presentHold(row, now)) } };
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
  handle: async ({ deps, caller, params: { id } }) => {
    const { db } = deps.write;
    const release = () => withTx(db, (tx) => releaseHold(tx, id, caller.id));
    const released = await withRetry(release, { idempotent: true });
    if (released === undefined) throw noSuchHold();
    const { moved, complete } = await moveReleased(deps.write, RELEASE_BATCHES);
    const row: HoldRow = (await findHold(db, id)) ?? released;
    return { status: 200, body: { hold: presentHold(row, row.releasedAt ?? row.startedAt), moved, complete } };
  },
});

export const holdRoutes = [createHold, getHolds, deleteHold];
