import { POSTGRES_FAULTS } from './postgres-faults.ts';
import { API_FAULTS, WORKER_FAULTS } from './process-faults.ts';
import { REDIS_FAULTS } from './redis-faults.ts';
import type { Fault } from './scene.ts';

/** One fault of each lane at a time: what goes wrong with Redis, with workers, with apis, and with PostgreSQL. */
export const LANES: readonly (readonly Fault[])[] = [REDIS_FAULTS, WORKER_FAULTS, API_FAULTS, POSTGRES_FAULTS];
