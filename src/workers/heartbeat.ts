import type { Logger } from 'pino';
import { beat, signOff, type WorkerProcess } from '../application/heartbeats/heartbeats.ts';
import type { Database } from '../platform/postgres/database.ts';
import { within } from '../platform/within.ts';
import { type Loop, startLoop } from './loop.ts';

export interface HeartbeatDeps {
  readonly db: Database;
  readonly worker: WorkerProcess;
  readonly log: Logger;
}

/** Three of them may be missing before a worker counts as dead. */
const INTERVAL_MS = 4_000;
const SIGN_OFF_MS = 1_000;

/**
 * Leaves a heartbeat in PostgreSQL every four seconds, until the worker stops; then it takes the worker out of the list, if that
 * takes no longer than a second.
 */
export function startHeartbeat({ db, worker, log }: HeartbeatDeps): Loop {
  const loop = startLoop({ name: 'heartbeat', intervalMs: INTERVAL_MS, soonMs: 1_000, log }, async () => {
    await beat(db, worker);
    return 'done';
  });
  return {
    stop: async () => {
      await loop.stop();
      try {
        await within(SIGN_OFF_MS, 'PostgreSQL did not answer', signOff(db, worker));
      } catch (error) {
        log.debug({ err: error }, 'the worker is still in the list of workers; it will count as dead');
      }
    },
  };
}
