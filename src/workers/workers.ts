import type { Logger } from 'pino';
import type { QueueInspector } from '../application/deadlines.ts';
import type { WorkerProcess } from '../application/heartbeats/heartbeats.ts';
import type { CoreDeps } from '../application/write.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { RedisHealth } from '../platform/redis/redis-health.ts';
import { createBacklog } from './backlog.ts';
import { startDeadlineWorker } from './deadline-worker.ts';
import { startHeartbeat } from './heartbeat.ts';
import { startHoldRelease } from './hold-release.ts';
import { type HousekeepingTask, startHousekeeping } from './housekeeping.ts';
import type { Loop } from './loop.ts';
import type { DeadlineQueue, QueueAddress } from './queue.ts';
import { startReconciler } from './reconciler.ts';
import { startRelay } from './relay.ts';
import { startSweeper } from './sweeper.ts';

export interface WorkersDeps {
  readonly write: CoreDeps;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly address: QueueAddress;
  readonly queue: DeadlineQueue;
  readonly health: RedisHealth;
  readonly inspector: QueueInspector;
  /** Who this worker is, in the list of workers. */
  readonly worker: WorkerProcess;
  readonly housekeeping: readonly HousekeepingTask[];
  /** Start the loops of the slices. */
  readonly startOthers: readonly (() => Loop)[];
}

/** Everything that a worker process does, running. */
export interface Workers {
  /** Stops it. It may never return while Redis is away or frozen, so its caller has to bound the wait. */
  readonly stop: () => Promise<void>;
}

/** Starts the deadline worker and the loops: heartbeat, sweeper, relay, reconciler, hold release, housekeeping, and those of the slices. */
export function startWorkers(deps: WorkersDeps): Workers {
  const { write, metrics, log, address, queue, health, inspector, worker, housekeeping, startOthers } = deps;
  const backlog = createBacklog();
  const deadlineWorker = startDeadlineWorker({ write, metrics, log, address, health, backlog });
  const loops = [
    startHeartbeat({ db: write.db, worker, log }),
    startSweeper({ write, metrics, log }, backlog.set),
    startRelay({ db: write.db, queue, health, metrics, log, horizonMs: inspector.horizonMs }),
    startReconciler({ write, inspector, metrics, log }),
    startHoldRelease({ write, log }),
    startHousekeeping(housekeeping, log),
    ...startOthers.map((start) => start()),
  ];
  return {
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
      backlog.set(false); // jobs that wait for the sweeper would wait for ever
      await deadlineWorker.close();
    },
  };
}
