import { z } from 'zod';
import {
  type DeadlinePage,
  type DeadlineState,
  EXAMINED_AT_MOST,
  missingJobs,
  type OpsPosition,
  openDeadlines,
  orphanJobs,
  reconcile,
} from '../../application/deadlines.ts';
import { runRepeatable } from '../../application/idempotent.ts';
import { countDeadlines } from '../../store/deadlines.ts';
import { replyTo, respond } from '../endpoint/commands.ts';
import { decodeToken, encodeToken } from '../endpoint/cursor.ts';
import { type HttpDeps, operation } from '../endpoint/endpoint.ts';
import { idempotencyKey } from '../endpoint/idempotency-key.ts';
import { presentDeadline } from '../present/ops.ts';
import { problemError } from '../problems/problems.ts';
import { DeadlinesQuery, DeadlineView, Reconciliation } from '../schemas/ops.ts';

const COUNTED_UP_TO = 100_000;
const RECONCILE_BUDGET_MS = 10_000;

const Position = z.tuple([z.int().min(0).max(Date.parse('9999-12-31')), z.uuid(), z.int().min(0)]);

function positionOf(cursor: string | undefined, state: DeadlineState): OpsPosition | null {
  if (cursor === undefined) return null;
  const [dueAt, disputeId, offset] = decodeToken(cursor, state, Position);
  return { dueAt, disputeId, offset };
}

function page({ write, queue }: HttpDeps, state: DeadlineState, at: OpsPosition | null, limit: number) {
  if (state === 'missing_job') return missingJobs(write, queue, at, limit);
  if (state === 'orphan_job') return orphanJobs(write, queue, at?.offset ?? 0, limit);
  return openDeadlines(write, state, at, limit);
}

/** What Redis says; null for all of it while it is away. */
async function ifRedisIsUp<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch {
    return null;
  }
}

const lengthOf = (found: DeadlinePage | null): number | null => found?.deadlines.length ?? null;

const getDeadlines = operation({
  operationId: 'listDeadlines',
  method: 'GET',
  path: '/v1/ops/deadlines',
  tag: 'Operations',
  summary: 'Look at the deadlines',
  description:
    'Counts, and a page of those in one state: `pending` (ahead), `overdue` (passed, not settled and not held), ' +
    '`missing_job` (handed over to the queue, and not there), `orphan_job` (in the queue, and wanted by nobody).',
  access: { scopes: ['ops'] },
  query: DeadlinesQuery,
  success: [{ status: 200, description: 'Counts and one page.', schema: DeadlineView }],
  problems: [],
  handle: async ({ deps, query: { state, limit, cursor } }) => {
    const at = positionOf(cursor, state);
    const { now, ...counts } = await countDeadlines(deps.write.db, COUNTED_UP_TO);
    const missing = await ifRedisIsUp(() => missingJobs(deps.write, deps.queue, null, EXAMINED_AT_MOST));
    const orphans = await ifRedisIsUp(() => orphanJobs(deps.write, deps.queue, 0, EXAMINED_AT_MOST));
    const isUp = missing !== null && orphans !== null;
    const needsRedis = state === 'missing_job' || state === 'orphan_job';
    const listed = needsRedis && !isUp ? { deadlines: [], next: null } : await page(deps, state, at, limit);
    const { next } = listed;
    return {
      status: 200,
      body: {
        counts: { ...counts, missing_job: lengthOf(missing), orphan_job: lengthOf(orphans) },
        countedUpTo: COUNTED_UP_TO,
        examinedUpTo: EXAMINED_AT_MOST,
        redis: isUp ? 'up' : 'down',
        state,
        data: listed.deadlines.map((deadline) => presentDeadline(deadline, now)),
        nextCursor: next === null ? null : encodeToken([next.dueAt, next.disputeId, next.offset], state),
        serverTime: new Date(now).toISOString(),
      },
    };
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
    const work = async () => respond(200, await reconcileOrUnavailable(deps));
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
