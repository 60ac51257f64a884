import type { Instant } from '../domain/state.ts';
import { countDeadlines } from '../store/deadlines.ts';
import { type ActiveHolds, countActiveHolds } from '../store/holds.ts';
import {
  type DeadlinePage,
  type DeadlineState,
  EXAMINED_AT_MOST,
  missingJobs,
  type OpsPosition,
  openDeadlines,
  orphanJobs,
  type QueueInspector,
} from './deadlines.ts';
import { readWorkers, type SeenWorker } from './heartbeats/heartbeats.ts';
import type { CoreDeps } from './write.ts';

/** Where the counts of what PostgreSQL knows stop. */
export const COUNTED_UP_TO = 100_000;

/** What operators see of the deadlines: how many are in each state, and a page of those in one state. */
export interface DeadlineOverview {
  readonly now: Instant;
  readonly counts: {
    readonly pending: number;
    readonly overdue: number;
    /** Null while Redis is away, as the next one. */
    readonly missing_job: number | null;
    readonly orphan_job: number | null;
  };
  readonly isRedisUp: boolean;
  readonly holds: ActiveHolds;
  /** Those that live first. */
  readonly workers: readonly SeenWorker[];
  /** Empty for a state of jobs while Redis is away. */
  readonly page: DeadlinePage;
}

export interface OverviewRequest {
  readonly state: DeadlineState;
  /** Where the page begins; null for the first. */
  readonly after: OpsPosition | null;
  readonly limit: number;
}

function readPage(deps: CoreDeps, queue: QueueInspector, { state, after, limit }: OverviewRequest) {
  if (state === 'missing_job') return missingJobs(deps, queue, after, limit);
  if (state === 'orphan_job') return orphanJobs(deps, queue, after?.offset ?? 0, limit);
  return openDeadlines(deps, state, after, limit);
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

/** Reads the overview. An unreachable Redis leaves its part unknown; an unreachable PostgreSQL is an error. */
export async function readDeadlineOverview(
  deps: CoreDeps,
  queue: QueueInspector,
  request: OverviewRequest,
): Promise<DeadlineOverview> {
  const { now, pending, overdue } = await countDeadlines(deps.db, COUNTED_UP_TO);
  const holds = await countActiveHolds(deps.db.query);
  const workers = await readWorkers(deps.db);
  const missing = await ifRedisIsUp(() => missingJobs(deps, queue, null, EXAMINED_AT_MOST));
  const orphans = await ifRedisIsUp(() => orphanJobs(deps, queue, 0, EXAMINED_AT_MOST));
  const isRedisUp = missing !== null && orphans !== null;
  const needsRedis = request.state === 'missing_job' || request.state === 'orphan_job';
  const page = needsRedis && !isRedisUp ? { deadlines: [], next: null } : await readPage(deps, queue, request);
  return {
    now,
    counts: { pending, overdue, missing_job: lengthOf(missing), orphan_job: lengthOf(orphans) },
    isRedisUp,
    holds,
    workers,
    page,
  };
}
