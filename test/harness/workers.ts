import { randomUUID } from 'node:crypto';
import type { TestDatabase } from './database.ts';

export interface ListedWorker {
  readonly instance?: string;
  /** How long ago its last heartbeat was, in milliseconds; a negative number for one that lives as long as the test takes. */
  readonly ageMs?: number;
}

/** Puts a worker into the list of workers, where no process is one. */
export async function listWorker(
  { query }: TestDatabase,
  { instance = 'worker-1:7', ageMs = 0 }: ListedWorker = {},
): Promise<void> {
  await query(
    `INSERT INTO workers (id, instance, version, started_at, seen_at)
     SELECT $1, $2, '0.1.0', at - interval '1 hour', at FROM (SELECT now() - $3::float8 * interval '1 millisecond' AS at) AS seen`,
    [randomUUID(), instance, ageMs],
  );
}
