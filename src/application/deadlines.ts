import { isolate } from '../platform/postgres/isolate.ts';
import { readClock } from '../store/clock.ts';
import { type Deadline, type DeadlinePosition, handedOver, listDeadlines, wantedAmong } from '../store/deadlines.ts';
import { overdueDisputes } from '../store/due/overdue.ts';
import type { Timer } from '../store/timers.ts';
import { applyDueDeadlines } from './apply-due.ts';
import { noteDeadlineFailure } from './due.ts';
import type { CoreDeps } from './write.ts';

export type { Deadline } from '../store/deadlines.ts';

/** The queue as far as operators look into it. Each call is bounded, and rejects within seconds if Redis is away. */
export interface QueueInspector {
  /** How far ahead of their deadline jobs are made, in milliseconds. */
  readonly horizonMs: number;
  /** Those of some timers that have no job. */
  readonly missing: (timers: readonly Timer[]) => Promise<readonly Timer[]>;
  /** Waiting jobs by their due time: `limit` of them from `offset` on. */
  readonly waiting: (offset: number, limit: number) => Promise<readonly (Timer & { readonly dueAt: number })[]>;
  readonly add: (timers: readonly Timer[], now: number) => Promise<void>;
  readonly remove: (timers: readonly Timer[]) => Promise<void>;
}

export const DEADLINE_STATES = ['pending', 'overdue', 'missing_job', 'orphan_job'] as const;
export type DeadlineState = (typeof DEADLINE_STATES)[number];

/** Where a page begins: behind a deadline, or at an offset among the waiting jobs. */
export interface OpsPosition extends DeadlinePosition {
  readonly offset: number;
}

export interface DeadlinePage {
  readonly deadlines: readonly Deadline[];
  readonly next: OpsPosition | null;
}

const STEP = 1_000;
/** How many timers or jobs one look goes through at most: nothing unbounded ever runs in Redis. */
export const EXAMINED_AT_MOST = 10_000;

const keyOf = ({ disputeId, seq }: Timer): string => `${disputeId} ${seq}`;

/** Timers whose jobs are gone, from a position on; it looks at a bounded number of them. */
export async function missingJobs(
  deps: CoreDeps,
  queue: QueueInspector,
  after: DeadlinePosition | null,
  limit: number,
  step = STEP,
): Promise<DeadlinePage> {
  const found: Deadline[] = [];
  let position = after;
  for (let examined = 0; examined < EXAMINED_AT_MOST && found.length < limit; examined += step) {
    const timers = await handedOver(deps.db, position, step, queue.horizonMs);
    const missing = new Set((await queue.missing(timers)).map(keyOf));
    for (const deadline of timers) {
      if (missing.has(keyOf(deadline))) found.push(deadline);
      position = deadline;
      if (found.length === limit) return { deadlines: found, next: { ...deadline, offset: 0 } };
    }
    if (timers.length < step) return { deadlines: found, next: null };
  }
  return { deadlines: found, next: position === null ? null : { ...position, offset: 0 } };
}

/** Jobs without a wanted deadline, from an offset on; it looks at a bounded number of them. */
export async function orphanJobs(
  deps: CoreDeps,
  queue: QueueInspector,
  from: number,
  limit: number,
  step = STEP,
): Promise<DeadlinePage> {
  const found: Deadline[] = [];
  let offset = from;
  const place = () => ({ offset, dueAt: 0, disputeId: '00000000-0000-0000-0000-000000000000' });
  for (let examined = 0; examined < EXAMINED_AT_MOST && found.length < limit; examined += step) {
    const jobs = await queue.waiting(offset, step);
    const wanted = await wantedAmong(deps.db, jobs);
    for (const job of jobs) {
      offset += 1;
      if (!wanted.has(keyOf(job))) found.push({ ...job, orderId: null, type: null });
      if (found.length === limit) return { deadlines: found, next: place() };
    }
    if (jobs.length < step) return { deadlines: found, next: null };
  }
  return { deadlines: found, next: place() };
}

/** Open deadlines from a position on: ahead, or passed. */
export async function openDeadlines(
  deps: CoreDeps,
  state: 'pending' | 'overdue',
  after: DeadlinePosition | null,
  limit: number,
): Promise<DeadlinePage> {
  const deadlines = await listDeadlines(deps.db, state, after, limit + 1);
  const page = deadlines.slice(0, limit);
  const last = page.at(-1);
  return { deadlines: page, next: deadlines.length > limit && last !== undefined ? { ...last, offset: 0 } : null };
}

/** What a reconciliation did, and whether it got through everything. */
export interface Reconciliation {
  readonly settled: number;
  /** Disputes whose deadline could not take effect; they are tried again as the sweeper does it. */
  readonly failed: number;
  readonly reenqueued: number;
  readonly removed: number;
  readonly complete: boolean;
}

/** How much one step of a reconciliation takes at most. */
export interface ReconciliationStep {
  readonly overdue: number;
  readonly jobs: number;
}
const RECONCILIATION_STEP: ReconciliationStep = { overdue: 500, jobs: STEP };

async function applyOverdue(deps: CoreDeps, until: number, step: number): Promise<{ settled: number; failed: number }> {
  let settled = 0;
  let failed = 0;
  while (Date.now() < until) {
    const overdue = await overdueDisputes(deps.db, step);
    if (overdue.length === 0) break;
    const batches = await isolate([overdue], {
      work: (ids) => applyDueDeadlines(deps, ids, { trigger: 'sweep', busy: 'skip' }),
      setAside: async (disputeId, error) => {
        await noteDeadlineFailure(deps.db, disputeId, error);
        failed += 1;
      },
    });
    const now = batches.reduce((sum, { size }) => sum + size, 0);
    settled += now;
    if (overdue.length < step || now === 0) break;
  }
  return { settled, failed };
}

async function addMissing(deps: CoreDeps, queue: QueueInspector, until: number, step: number) {
  let after: DeadlinePosition | null = null;
  let reenqueued = 0;
  while (Date.now() < until) {
    const page: DeadlinePage = await missingJobs(deps, queue, after, step, step);
    const timers = page.deadlines.map((deadline) => ({ ...deadline, dueAt: deadline.wakeAt ?? deadline.dueAt }));
    if (timers.length > 0) await queue.add(timers, await readClock(deps.db.query));
    reenqueued += page.deadlines.length;
    after = page.next;
    if (after === null) return { reenqueued, complete: true };
  }
  return { reenqueued, complete: false };
}

async function removeOrphans(deps: CoreDeps, queue: QueueInspector, until: number, step: number) {
  let offset = 0;
  let removed = 0;
  while (Date.now() < until) {
    const { deadlines, next } = await orphanJobs(deps, queue, offset, step, step);
    if (deadlines.length > 0) await queue.remove(deadlines);
    removed += deadlines.length;
    if (next === null) return { removed, complete: true };
    // What was taken out no longer counts for the place in the queue.
    offset = next.offset - deadlines.length;
  }
  return { removed, complete: false };
}

/**
 * Makes the queue as Postgres says it should be, and settles what is overdue, for at most `budgetMs`.
 * @throws what the database or the queue raises; what was done until then stays done
 */
export async function reconcile(
  deps: CoreDeps,
  queue: QueueInspector,
  budgetMs: number,
  step = RECONCILIATION_STEP,
): Promise<Reconciliation> {
  const until = Date.now() + budgetMs;
  const { settled, failed } = await applyOverdue(deps, until, step.overdue);
  const missing = await addMissing(deps, queue, until, step.jobs);
  const orphans = await removeOrphans(deps, queue, until, step.jobs);
  return {
    settled,
    failed,
    reenqueued: missing.reenqueued,
    removed: orphans.removed,
    complete: missing.complete && orphans.complete,
  };
}
