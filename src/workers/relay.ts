import type { Logger } from 'pino';
import { forgetTimers, handOverTimers, type Timer, type TimerBatch } from '../application/timers.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Database } from '../platform/postgres/database.ts';
import { isOutage } from '../platform/redis/redis-errors.ts';
import type { RedisHealth } from '../platform/redis/redis-health.ts';
import { RedisUnusableError } from '../platform/redis/redis-state.ts';
import { type Loop, startLoop } from './loop.ts';
import { addJobs, type DeadlineQueue, removeJobs } from './queue.ts';

export interface RelayDeps {
  readonly db: Database;
  readonly queue: DeadlineQueue;
  readonly health: Pick<RedisHealth, 'look'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** How far ahead of its deadline a timer becomes a delayed job, in milliseconds. */
  readonly horizonMs: number;
}

const INTERVAL_MS = 500;
const BATCH = 1_000;
// A lease is how long a lost job goes unnoticed; the sweeper covers the deadline itself.
const NEAR_LEASE_MS = 60_000;
const FAR_LEASE_MS = 600_000;
const LEAVE_TO_SWEEPER_MS = 2_000;

async function remove({ db, queue }: RelayDeps, timers: readonly Timer[]): Promise<void> {
  await removeJobs(queue, timers);
  await forgetTimers(db, timers);
}

async function handOver(deps: RelayDeps, { now, timers }: TimerBatch): Promise<void> {
  const wanted = timers.filter(({ dueAt }) => dueAt !== null);
  const unwanted = timers.filter(({ dueAt }) => dueAt === null);
  await addJobs(
    deps.queue,
    // What has been due for longer is the sweeper's: it settles a backlog many times faster than jobs do.
    wanted.filter(({ dueAt }) => (dueAt ?? now) >= now - LEAVE_TO_SWEEPER_MS),
    now,
  );
  await remove(deps, unwanted);
  deps.metrics.handedOver.inc({ kind: 'added' }, wanted.length);
  deps.metrics.handedOver.inc({ kind: 'removed' }, unwanted.length);
}

/**
 * Hands over the timers whose lease has run out; true if there may be more.
 * @throws what Redis or the database raises; the timers are handed over at a later turn then
 */
export async function relayOnce(deps: RelayDeps): Promise<boolean> {
  // First: a thousand leases taken and given back twice a second, while Redis is away, are in the way of what decides.
  const state = await deps.health.look();
  if (state.redis !== 'up') throw new RedisUnusableError(state);
  const options = { limit: BATCH, horizonMs: deps.horizonMs, nearLeaseMs: NEAR_LEASE_MS, farLeaseMs: FAR_LEASE_MS };
  return (await handOverTimers(deps.db, options, (batch) => handOver(deps, batch))) === BATCH;
}

/**
 * Keeps Redis as Postgres says it should be. It looks at what is the case and not at what has happened, so that one loop
 * covers the first hand-over, a crash before it, and a Redis that lost everything.
 */
export function startRelay(deps: RelayDeps): Loop {
  const onSuccess = () => deps.metrics.loopSucceeded.setToCurrentTime({ loop: 'relay' });
  onSuccess();
  const options = { name: 'relay', intervalMs: INTERVAL_MS, log: deps.log, onSuccess, isToldElsewhere: isOutage };
  return startLoop(options, async () => ((await relayOnce(deps)) ? 'more' : 'done'));
}
