import { POSTGRES_FAULTS } from './postgres-faults.ts';
import { API_FAULTS, WORKER_FAULTS } from './process-faults.ts';
import { QUEUE_FAULTS } from './queue-faults.ts';
import { REDIS_FAULTS } from './redis-faults.ts';
import { ROW_FAULTS } from './row-faults.ts';
import type { Fault } from './scene.ts';

/** One fault of each lane at a time. Lanes go on side by side, so that faults of different kinds overlap. */
export const LANES: readonly (readonly Fault[])[] = [
  QUEUE_FAULTS,
  REDIS_FAULTS,
  WORKER_FAULTS,
  API_FAULTS,
  POSTGRES_FAULTS,
  ROW_FAULTS,
];
