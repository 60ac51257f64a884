import { z } from 'zod';
import { COUNTED_UP_TO, readDeadlineOverview } from '../../application/deadline-overview.ts';
import { type DeadlineState, EXAMINED_AT_MOST, type OpsPosition, reconcile } from '../../application/deadlines.ts';
import { isAlive } from '../../application/heartbeats/heartbeats.ts';
import { runRepeatable } from '../../application/idempotent.ts';
import { replyTo } from '../endpoint/commands.ts';
import { decodeToken, encodeToken } from '../endpoint/cursor.ts';
import { type HttpDeps, operation } from '../endpoint/endpoint.ts';
import { idempotencyKey } from '../endpoint/idempotency-key.ts';
import { iso, isoOrNull } from '../endpoint/instants.ts';
import { stored } from '../endpoint/reply.ts';
import { presentDeadline, presentWorker } from '../present/ops.ts';
import { problemError } from '../problems/problems.ts';
import { DeadlinesQuery, DeadlineView, Reconciliation } from '../schemas/ops.ts';

const RECONCILE_BUDGET_MS = 10_000;

const Position = z.tuple([z.int().min(0).max(Date.parse('9999-12-31')), z.uuid(), z.int().min(0)]);

function positionOf(cursor: string | undefined, state: DeadlineState): OpsPosition | null {
  if (cursor === undefined) return null;
  const [dueAt, disputeId, offset] = decodeToken(cursor, state, Position);
  return { dueAt, disputeId, offset };
}

const getDeadlines = operation({
  operationId: 'listDeadlines',
  method: 'GET',
  path: '/v1/ops/deadlines',
  tag: 'Operations',
  summary: 'Look at the deadlines',
  description:
    'The workers, holds that last, counts, and a page of those in one state: `pending` (ahead), `overdue` (passed, not settled and not held), ' +
    '`missing_job` (handed over to the queue, and not there), `orphan_job` (in the queue, and without a timer in PostgreSQL).',
  access: { scopes: ['ops'] },
  query: DeadlinesQuery,
  success: [{ status: 200, description: 'The workers, counts and one page.', schema: DeadlineView }],
  problems: [],
  handle: async ({ deps, query: { state, limit, cursor }, reply }) => {
    const after = positionOf(cursor, state);
    const { now, counts, holds, isRedisUp, workers, page } = await readDeadlineOverview(deps.write, deps.queue, {
      state,
      after,
      limit,
    });
    const { next } = page;
    return reply(200, {
      counts,
      countedUpTo: COUNTED_UP_TO,
      examinedUpTo: EXAMINED_AT_MOST,
      holds: { count: holds.count, ofAllSince: isoOrNull(holds.ofAllSince) },
      redis: isRedisUp ? 'up' : 'down',
      worker: workers.some(isAlive) ? 'up' : 'down',
      workers: workers.map(presentWorker),
      state,
      data: page.deadlines.map((deadline) => presentDeadline(deadline, now)),
      nextCursor: next === null ? null : encodeToken([next.dueAt, next.disputeId, next.offset], state),
      serverTime: iso(now),
    });
  },
});

const reconcileDeadlines = operation({
  operationId: 'reconcileDeadlines',
  method: 'POST',
  path: '/v1/ops/deadlines/reconcile',
  tag: 'Operations',
  summary: 'Reconcile the queue with Postgres now',
  description:
    'Applies what is overdue, makes missing jobs again and takes orphaned ones away; the workers do the same by ' +
    'themselves, only later. It works for ten seconds at most.',
  access: { scopes: ['ops'] },
  takesKey: true,
  success: [{ status: 200, description: 'What was done.', schema: Reconciliation }],
  problems: [],
  handle: async (call) => {
    const { deps } = call;
    const work = async () => stored(call.reply(200, await reconcileOrUnavailable(deps)));
    return replyTo(await runRepeatable(deps.write.db, idempotencyKey(call), work));
  },
});

async function reconcileOrUnavailable({ write, queue }: HttpDeps) {
  try {
    return await reconcile(write, queue, RECONCILE_BUDGET_MS);
  } catch {
    throw problemError('unavailable', 'Redis or Postgres did not answer; what had been done until then stays done.', {
      headers: { 'retry-after': '5' },
    });
  }
}

export const deadlineRoutes = [getDeadlines, reconcileDeadlines];
