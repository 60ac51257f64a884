import type { Fault } from '../scene.ts';
import { POSTGRES_FAULTS } from './postgres-faults.ts';
import { API_FAULTS, WORKER_FAULTS } from './process-faults.ts';
import { QUEUE_FAULTS } from './queue-faults.ts';
import { REDIS_FAULTS } from './redis-faults.ts';
import { ROW_FAULTS } from './row-faults.ts';

/** Faults of which one is staged at a time. Lanes go on side by side, so that faults of different kinds overlap. */
interface Lane {
  readonly faults: readonly Fault[];
  /** Whether they start processes of the service, each of which takes a second of a core. */
  readonly restarts: boolean;
}

export const LANES: readonly Lane[] = [
  { faults: QUEUE_FAULTS, restarts: false },
  { faults: REDIS_FAULTS, restarts: false },
  { faults: WORKER_FAULTS, restarts: true },
  { faults: API_FAULTS, restarts: true },
  { faults: POSTGRES_FAULTS, restarts: false },
  { faults: ROW_FAULTS, restarts: false },
];
