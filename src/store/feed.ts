import { and, asc, eq, gt, inArray, lte, or, type SQL, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import type { EntryType } from '../domain/commands.ts';
import type { Database, Tx } from '../platform/postgres/database.ts';
import type { LogRow } from './reads.ts';
import { logEntries } from './schema.ts';

// Any constant will do, as long as every process uses the same.
const SEQUENCER_LOCK = 7_305_416_202;

/**
 * The last position that was given, as an expression; 0 if none was. Where the entries of a deleted test clock were the last
 * ones, the deployment knows it.
 */
export const LOG_END = sql<number>`greatest(
  (SELECT l.seq FROM log_entries l WHERE l.seq IS NOT NULL ORDER BY l.seq DESC LIMIT 1), (SELECT log_end FROM deployment))`;

/**
 * Gives numbers to committed entries that have none, at most `limit`, in the order in which they happened; within an order
 * by its versions. One sequencer works at a time and commits before the next one begins, so that a reader that has seen a number
 * never sees a smaller one appear. Numbers go on behind the last one in the log, and not by a sequence: logical replication
 * copies rows, and sequences begin anew on the copy.
 * @returns how many were numbered; 0 also while another process numbers them
 */
export async function sequenceEntries(tx: Tx, limit: number): Promise<number> {
  const lock = sql<boolean>`pg_try_advisory_xact_lock(${SEQUENCER_LOCK})`;
  const { rows } = await tx.execute<{ mine: boolean }>(sql`SELECT ${lock} AS mine`);
  if (rows[0]?.mine !== true) return 0;
  const { rowCount } = await tx.execute(sql`
    WITH turn AS MATERIALIZED (
      SELECT order_id, order_version, occurred_at FROM log_entries WHERE seq IS NULL
      ORDER BY occurred_at, order_id, order_version LIMIT ${limit}),
    last AS MATERIALIZED (SELECT ${LOG_END} AS seq),
    numbered AS MATERIALIZED (
      SELECT order_id, order_version, (SELECT seq FROM last)
        + row_number() OVER (ORDER BY occurred_at, order_id, order_version) AS seq
      FROM turn)
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
  /** The user who is a party of the orders that the entries are about. */
  readonly partyId?: string | undefined;
  /** Entries of any of these orders or users, from a part of the log that is read once for all of them. */
  readonly followed?: { readonly orderIds: readonly string[]; readonly partyIds: readonly string[] } | undefined;
  readonly limit: number;
}

export interface FeedPage {
  readonly rows: readonly FeedRow[];
  /** The position that a reader has passed with this page, whether or not its last entry was among those asked for. */
  readonly nextAfter: number;
  /** Whether this is as far as the sequence goes. */
  readonly isAtEnd: boolean;
  /** The last position of the log; a request behind a greater one asks for what is not there yet. */
  readonly end: number;
}

/** Positions that one read covers if no index leads to its entries: types or followed orders may be rare in the log. */
const LOOK_AHEAD = 20_000;

// The parties of an entry's order, as the indexes of migration 0013 have them.
const CLIENT_ID = sql`(${logEntries.data} -> 'order' ->> 'clientId')`;
const FREELANCER_ID = sql`(${logEntries.data} -> 'order' ->> 'freelancerId')`;

/** The position behind which nothing has a number yet; 0 where nothing has one. */
export async function endOfFeed({ query }: Database): Promise<number> {
  const { rows } = await query.execute<{ end: number }>(sql`SELECT ${LOG_END}::float8 AS end`);
  return rows[0]?.end ?? 0;
}

const isAnyOf = (column: SQL | typeof logEntries.orderId, values: readonly string[]) =>
  values.length === 0 ? undefined : sql`${column} = ANY(${sql.param([...values])})`;

const pageOf = ({ query }: Database, limit: number, ...conditions: (SQL | undefined)[]) =>
  query
    .select()
    .from(logEntries)
    .where(and(...conditions))
    .orderBy(asc(logEntries.seq))
    .limit(limit);

/** A page of the entries between two positions, in sequence. */
async function entriesBetween(
  db: Database,
  request: FeedRequest,
  head: number,
): Promise<(typeof logEntries.$inferSelect)[]> {
  const { after, types, orderId, partyId, followed, limit } = request;
  const isBetween = and(gt(logEntries.seq, after), lte(logEntries.seq, head));
  if (partyId !== undefined) {
    // One index scan for each role, each bounded by the page: with OR, the planner would collect and sort all entries of a user.
    const asRole = (userId: SQL) => pageOf(db, limit, isBetween, sql`${userId} = ${partyId}`);
    return unionAll(asRole(CLIENT_ID), asRole(FREELANCER_ID)).orderBy(sql`seq`).limit(limit);
  }
  return pageOf(
    db,
    limit,
    isBetween,
    types === undefined ? undefined : inArray(logEntries.type, [...types]),
    orderId === undefined ? undefined : eq(logEntries.orderId, orderId),
    followed === undefined
      ? undefined
      : or(
          isAnyOf(logEntries.orderId, followed.orderIds),
          isAnyOf(CLIENT_ID, followed.partyIds),
          isAnyOf(FREELANCER_ID, followed.partyIds),
        ),
  );
}

/**
 * Reads the log in sequence. A position that was passed never gains an earlier entry. A page may be empty before the end
 * of the log, where none of the types or orders that are asked for comes for long.
 */
export async function readFeed(db: Database, request: FeedRequest): Promise<FeedPage> {
  const { after, types, orderId, partyId, followed, limit } = request;
  // First of all, since whatever has a number up to it is there already and can be looked for.
  const end = await endOfFeed(db);
  const isIndexed = orderId !== undefined || partyId !== undefined || (types === undefined && followed === undefined);
  const head = isIndexed ? end : Math.min(end, after + LOOK_AHEAD);
  const found = await entriesBetween(db, request, head);
  const rows = found.flatMap(({ seq, ...entry }) => (seq === null ? [] : [{ ...entry, seq }]));
  const lastSeq = rows.at(-1)?.seq;
  const nextAfter = rows.length === limit && lastSeq !== undefined ? lastSeq : Math.max(after, head);
  return { rows, nextAfter, isAtEnd: nextAfter >= end, end };
}
