import type { Logger } from 'pino';
import type { Metrics } from '../operations/metrics.ts';
import type { WriteDeps } from '../operations/write.ts';
import { startDeadlineWorker } from './deadline-worker.ts';
import { startHousekeeping } from './housekeeping.ts';
import type { QueueAddress } from './queue.ts';
import { openQueue } from './queue.ts';
import { startRelay } from './relay.ts';
import { startSweeper } from './sweeper.ts';

export interface WorkersDeps {
  readonly write: WriteDeps;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly address: QueueAddress;
  readonly horizonMs: number;
}

/** Everything that a worker process does, running. */
export interface Workers {
  /** Stops it. It may never return while Redis is away or frozen, so its caller has to bound the wait. */
  readonly stop: () => Promise<void>;
}

/** Starts the relay, the deadline worker, the sweeper and the housekeeping. */
export function startWorkers({ write, metrics, log, address, horizonMs }: WorkersDeps): Workers {
  const queue = openQueue(address, (error) => log.warn({ err: error }, 'the queue lost Redis'));
  const worker = startDeadlineWorker({ write, metrics, log, address });
  const loops = [
    startSweeper({ write, metrics, log }),
    startRelay({ db: write.db, queue, metrics, log, horizonMs }),
    startHousekeeping({ db: write.db, log }),
  ];
  return {
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
      await worker.close();
      await queue.close();
    },
  };
}
