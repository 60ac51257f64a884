import { sql } from 'drizzle-orm';
import type { Instant } from '../domain/state.ts';
import type { Database, Tx } from '../platform/postgres/database.ts';
import { STATEMENT_TIME } from './clock.ts';

/** A process that does the work of a worker. */
export interface WorkerProcess {
  /** Its own, of this run: two processes may have the same host name and process id. */
  readonly id: string;
  /** Its host and process id, as in its log. */
  readonly instance: string;
  readonly version: string;
}

/** A worker as its last heartbeat shows it, by the database's clock. */
export interface SeenWorker extends Pick<WorkerProcess, 'instance' | 'version'> {
  readonly startedAt: Instant;
  readonly seenAt: Instant;
  /** How long ago its last heartbeat was, in milliseconds. */
  readonly ageMs: number;
}

const milliseconds = (ms: number) => sql`${ms}::float8 * interval '1 millisecond'`;

/** Writes a heartbeat; the first one makes the worker's row. */
export async function writeHeartbeat(tx: Tx, { id, instance, version }: WorkerProcess): Promise<void> {
  await tx.execute(sql`
    INSERT INTO workers (id, instance, version) VALUES (${id}, ${instance}, ${version})
    ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()`);
}

/** Removes a worker. */
export async function removeWorker(tx: Tx, { id }: Pick<WorkerProcess, 'id'>): Promise<void> {
  await tx.execute(sql`DELETE FROM workers WHERE id = ${id}`);
}

/** Removes workers whose last heartbeat was more than `ageMs` ago. */
export async function removeSilentWorkers(tx: Tx, ageMs: number): Promise<void> {
  await tx.execute(sql`DELETE FROM workers WHERE seen_at < ${STATEMENT_TIME} - ${milliseconds(ageMs)}`);
}

/** Up to `limit` workers, those that were seen last; first those seen within `aliveMs`, and of these the newest. */
export async function listWorkers({ query }: Database, aliveMs: number, limit: number): Promise<SeenWorker[]> {
  type Row = { instance: string; version: string; startedAt: number; seenAt: number; ageMs: number };
  const { rows } = await query.execute<Row>(sql`
    SELECT instance, version,
      floor(extract(epoch FROM started_at) * 1000)::float8 AS "startedAt",
      floor(extract(epoch FROM seen_at) * 1000)::float8 AS "seenAt",
      (extract(epoch FROM ${STATEMENT_TIME} - seen_at) * 1000)::float8 AS "ageMs"
    FROM workers
    ORDER BY CASE WHEN seen_at >= ${STATEMENT_TIME} - ${milliseconds(aliveMs)} THEN started_at ELSE '-infinity' END DESC,
      seen_at DESC LIMIT ${limit}`);
  return rows;
}
