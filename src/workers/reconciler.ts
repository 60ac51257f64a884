import type { Logger } from 'pino';
import { type QueueInspector, reconcile } from '../application/deadlines.ts';
import type { CoreDeps } from '../application/write.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { isOutage } from '../platform/redis/redis-errors.ts';
import { type Loop, startLoop } from './loop.ts';

export interface ReconcilerDeps {
  readonly write: CoreDeps;
  readonly inspector: QueueInspector;
  readonly metrics: Metrics;
  readonly log: Logger;
}

const INTERVAL_MS = 60_000;
const BUDGET_MS = 10_000;

/** Compares the queue with Postgres once, mends what differs, and measures it. */
export async function reconcileOnce({ write, inspector, metrics, log }: ReconcilerDeps): Promise<void> {
  const done = await reconcile(write, inspector, BUDGET_MS);
  metrics.drift.set({ kind: 'missing_job' }, done.reenqueued);
  metrics.drift.set({ kind: 'orphan_job' }, done.removed);
  if (done.reenqueued > 0 || done.removed > 0) log.info(done, 'the queue was not as Postgres says, and is now');
}

/** Compares the queue with Postgres every minute: the relay's leases mend the same, only later. */
export function startReconciler(deps: ReconcilerDeps): Loop {
  const options = { name: 'reconciler', intervalMs: INTERVAL_MS, log: deps.log, isToldElsewhere: isOutage } as const;
  return startLoop({ ...options, pauseFirst: true }, async () => {
    await reconcileOnce(deps);
    return 'done';
  });
}
