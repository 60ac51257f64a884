import { and, asc, eq, gt, inArray, isNotNull, lte, sql } from 'drizzle-orm';
import type { EntryType } from '../domain/commands.ts';
import type { Database, Tx } from '../platform/database.ts';
import type { LogRow } from './reads.ts';
import { logEntries } from './schema.ts';

// Any constant will do, as long as every process uses the same.
const SEQUENCER_LOCK = 7_305_416_202;

/**
 * Gives numbers to committed entries that have none, at most `limit`, in the order in which they happened; within an order
 * by its versions. One sequencer works at a time and commits before the next one begins, so that whoever has seen a number
 * never sees a smaller one appear.
 * @returns how many were numbered; 0 also if somebody else is doing it
 */
export async function sequenceEntries(tx: Tx, limit: number): Promise<number> {
  const lock = sql<boolean>`pg_try_advisory_xact_lock(${SEQUENCER_LOCK})`;
  const { rows } = await tx.execute<{ mine: boolean }>(sql`SELECT ${lock} AS mine`);
  if (rows[0]?.mine !== true) return 0;
  const { rowCount } = await tx.execute(sql`
    WITH turn AS MATERIALIZED (
      SELECT order_id, order_version, occurred_at FROM log_entries WHERE seq IS NULL
      ORDER BY occurred_at, order_id, order_version LIMIT ${limit}),
    numbered AS MATERIALIZED (
      SELECT order_id, order_version, nextval('log_sequence') AS seq
      FROM (SELECT * FROM turn ORDER BY occurred_at, order_id, order_version) AS sorted)
    UPDATE log_entries l SET seq = numbered.seq FROM numbered
    WHERE l.order_id = numbered.order_id AND l.order_version = numbered.order_version`);
  return rowCount ?? 0;
}

/** Whether committed entries wait for a number. */
export async function hasUnsequenced({ query }: Database): Promise<boolean> {
  const rows = await query
    .select({ id: logEntries.id })
    .from(logEntries)
    .where(sql`${logEntries.seq} IS NULL`)
    .limit(1);
  return rows.length > 0;
}

/** An entry of the log with its place in the sequence of all of them. */
export interface FeedRow extends LogRow {
  readonly seq: number;
}

export interface FeedRequest {
  /** The position behind which to begin; 0 for the beginning. */
  readonly after: number;
  readonly types?: readonly EntryType[] | undefined;
  readonly orderId?: string | undefined;
  readonly limit: number;
}

export interface FeedPage {
  readonly rows: readonly FeedRow[];
  /** The position that a reader has passed with this page, whether or not its last entry was among those asked for. */
  readonly nextAfter: number;
}

/** Reads the log in sequence. A position that was passed never gains an earlier entry. */
export async function readFeed({ query }: Database, { after, types, orderId, limit }: FeedRequest): Promise<FeedPage> {
  // In one statement, and so of one moment: everything up to the head has been looked at.
  const head = sql<number>`(SELECT coalesce(max(seq), 0) FROM log_entries WHERE seq IS NOT NULL)::float8`;
  const rows = await query
    .select({ head, entry: logEntries })
    .from(sql`(SELECT 1) AS one`)
    .leftJoin(
      logEntries,
      and(
        isNotNull(logEntries.seq),
        gt(logEntries.seq, after),
        lte(logEntries.seq, head),
        types === undefined ? undefined : inArray(logEntries.type, [...types]),
        orderId === undefined ? undefined : eq(logEntries.orderId, orderId),
      ),
    )
    .orderBy(asc(logEntries.seq))
    .limit(limit);
  const entries = rows.flatMap(({ entry }) =>
    entry === null || entry.seq === null ? [] : [{ ...entry, seq: entry.seq }],
  );
  const last = entries.at(-1)?.seq;
  const isFull = entries.length === limit && last !== undefined;
  return { rows: entries, nextAfter: isFull ? last : Math.max(after, rows[0]?.head ?? 0) };
}
