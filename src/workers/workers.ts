import type { Logger } from 'pino';
import type { QueueInspector } from '../application/deadlines.ts';
import type { CoreDeps } from '../application/write.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { RedisHealth } from '../platform/redis/redis-health.ts';
import { startRollup } from '../statistics/loop.ts';
import { startWebhookSender, type WebhookSenderDeps } from '../webhooks/sender.ts';
import { createBacklog } from './backlog.ts';
import { startDeadlineWorker } from './deadline-worker.ts';
import { startHoldRelease } from './hold-release.ts';
import { startHousekeeping } from './housekeeping.ts';
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
  /** How long after a dispute is resolved its comments are kept; null keeps them. */
  readonly retentionMs: number | null;
  /** What it takes to send webhooks; null where secrets cannot be read. */
  readonly webhooks: Pick<WebhookSenderDeps, 'outgoing' | 'encryption' | 'present'> | null;
}

/** Everything that a worker process does, running. */
export interface Workers {
  /** Stops it. It may never return while Redis is away or frozen, so its caller has to bound the wait. */
  readonly stop: () => Promise<void>;
}

/** Starts the deadline worker and the loops: sweeper, relay, reconciler, hold keeper, statistician, webhook sender, housekeeping. */
export function startWorkers(deps: WorkersDeps): Workers {
  const { write, metrics, log, address, queue, health, inspector, retentionMs, webhooks } = deps;
  const backlog = createBacklog();
  const worker = startDeadlineWorker({ write, metrics, log, address, backlog });
  const loops = [
    startSweeper({ write, metrics, log }, backlog.set),
    startRelay({ db: write.db, queue, health, metrics, log, horizonMs: inspector.horizonMs }),
    startReconciler({ write, inspector, metrics, log }),
    startHoldRelease({ write, log }),
    startHousekeeping({ db: write.db, metrics, retentionMs, log }),
    ...(webhooks === null ? [] : [startWebhookSender({ write, metrics, log, ...webhooks })]),
    startRollup({ db: write.db, log }),
  ];
  return {
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
      backlog.set(false); // jobs that wait for the sweeper would wait for ever
      await worker.close();
    },
  };
}
