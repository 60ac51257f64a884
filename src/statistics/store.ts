import { asc, type SQL, sql } from 'drizzle-orm';
import type { Dispute, Hold, Instant } from '../domain/state.ts';
import type { Tx } from '../platform/postgres/database.ts';
import { CLOCK_AFTER_LOCK, timestamptz } from '../store/clock.ts';
import { OVERDUE } from '../store/due/overdue.ts';
import { holdsFor } from '../store/holds.ts';
import { toDispute } from '../store/rows.ts';
import { disputes } from '../store/schema.ts';
import type { Cell } from './counts.ts';
import { statisticsPosition } from './schema.ts';

const ENDED = sql`('dispute.accepted', 'dispute.declined', 'dispute.answered', 'dispute.withdrawn', 'dispute.expired',
  'dispute.superseded')`;

/** How long the respondent of a dispute in `d` took, packed; null where it was not the respondent who ended it. */
const RESPONSE = sql`CASE WHEN d.resolution IN ('accepted', 'declined', 'answered')
  AND d.resolved_by_role IN ('client', 'freelancer')
  THEN substring(int8send((extract(epoch FROM d.resolved_at - d.opened_at) * 1000)::bigint) FROM 3) END`;

/**
 * What entries of the log change in the statistics: an opening adds an open dispute, an end takes it away and adds one that
 * ended so. All else is read from the dispute, where it never changes again. Disputes on a test clock do not count.
 * @param entries a query of `type` and `dispute_id`
 */
// The LIMIT keeps the planner from going through all disputes for a few entries, of which it expects many.
const changesBy = (entries: SQL) => sql`
  SELECT (d.opened_at AT TIME ZONE 'UTC')::date AS day, d.type, d.opener_role, coalesce(d.reason, '') AS reason,
    change.resolution, change.disputes, change.responses
  FROM (${entries}) AS e
  CROSS JOIN LATERAL (SELECT * FROM disputes WHERE id = e.dispute_id AND test_clock_id IS NULL LIMIT 1) AS d
  CROSS JOIN LATERAL (
    SELECT 'open' AS resolution, CASE e.type WHEN 'dispute.opened' THEN 1 ELSE -1 END AS disputes,
      NULL::bytea AS responses
    UNION ALL
    SELECT d.resolution, 1, ${RESPONSE} WHERE e.type <> 'dispute.opened') AS change
  WHERE e.type = 'dispute.opened' OR e.type IN ${ENDED}`;

/** The positions of the next entries of the log that are not in the rollup, at most `limit`. */
export async function nextPositions(query: Pick<Tx, 'execute'>, limit: number): Promise<number[]> {
  const { rows } = await query.execute<{ seq: number }>(sql`
    SELECT seq::float8 AS seq FROM log_entries WHERE seq > (SELECT seq FROM statistics_position) ORDER BY seq LIMIT ${limit}`);
  return rows.map(({ seq }) => seq);
}

/**
 * Adds the next entries of the log to the rollup, at most `limit` and none beyond `until`, and moves the position with them in
 * the same transaction: each entry counts once, whichever process dies when.
 * @returns how many entries were passed; 0 also if another process is rolling up
 */
export async function rollUpEntries(tx: Tx, limit: number, until = Number.MAX_SAFE_INTEGER): Promise<number> {
  const [position] = await tx.select().from(statisticsPosition).for('update', { skipLocked: true });
  if (position === undefined) return 0;
  const { rows } = await tx.execute<{ passed: number }>(sql`
    WITH turn AS MATERIALIZED (
      SELECT seq, type, dispute_id FROM log_entries WHERE seq > ${position.seq} AND seq <= ${until}
      ORDER BY seq LIMIT ${limit}),
    folded AS (
      INSERT INTO dispute_statistics AS s (day, type, opener_role, reason, resolution, disputes, responses)
      SELECT day, type, opener_role, reason, resolution, sum(disputes), coalesce(string_agg(responses, ''::bytea), '')
      FROM (${changesBy(sql`SELECT type, dispute_id FROM turn`)}) AS change
      GROUP BY day, type, opener_role, reason, resolution
      ON CONFLICT (day, type, opener_role, reason, resolution) DO UPDATE
        SET disputes = s.disputes + excluded.disputes, responses = s.responses || excluded.responses)
    UPDATE statistics_position SET seq = whole.seq
    FROM (SELECT max(seq) AS seq, count(*)::integer AS passed FROM turn HAVING count(*) > 0) AS whole
    RETURNING whole.passed`);
  return rows[0]?.passed ?? 0;
}

/**
 * Moves the position past one entry that cannot be counted, if all entries before it are in the rollup.
 * @returns whether it was moved
 */
export async function skipEntry(tx: Tx, seq: number): Promise<boolean> {
  const { rowCount } = await tx.execute(sql`
    UPDATE statistics_position p SET seq = ${seq} WHERE p.seq < ${seq}
      AND NOT EXISTS (SELECT 1 FROM log_entries l WHERE l.seq > p.seq AND l.seq < ${seq})`);
  return rowCount === 1;
}

/** Lets every statement of a transaction that follows see the database as it is now. It must come first. */
export async function freeze(tx: Tx): Promise<void> {
  await tx.execute(sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY`);
}

/** Where the statistics stand, and what time it is. */
export interface Standing {
  readonly now: Instant;
  readonly holds: readonly Hold[];
  /** The number of the last entry of the log that is in the rollup. */
  readonly position: number;
  /** How many entries are not, counted up to a cap. */
  readonly behind: number;
}

/** Looks where the statistics stand; `cap` bounds how many entries that are not in them are counted. */
export async function readStanding(tx: Tx, cap: number): Promise<Standing> {
  const { rows } = await tx.execute<Record<'now' | 'position' | 'behind', number> & { holds: Hold[] }>(sql`
    SELECT ${CLOCK_AFTER_LOCK} AS now, ${holdsFor(null)} AS holds, p.seq::float8 AS position,
      (SELECT count(*)::integer FROM (SELECT 1 FROM log_entries WHERE seq > p.seq LIMIT ${cap}) AS numbered)
      + (SELECT count(*)::integer FROM (SELECT 1 FROM log_entries WHERE seq IS NULL LIMIT ${cap}) AS others) AS behind
    FROM statistics_position p`);
  if (rows[0] === undefined) throw new Error('the statistics have no position');
  return rows[0];
}

/** Which disputes are counted: those that were opened from an instant on, and before another. */
export interface Span {
  readonly from: Instant;
  readonly to: Instant;
}

const DAY_MS = 86_400_000;
const day = (value: Instant): SQL => sql`${new Date(value).toISOString().slice(0, 10)}::date`;

/** A span as whole days, which the rollup has, and what is left of it before and behind them. */
function partsOf({ from, to }: Span): { days: Span; before: Span; behind: Span } {
  const first = Math.ceil(from / DAY_MS) * DAY_MS;
  const end = Math.floor(to / DAY_MS) * DAY_MS;
  if (first >= end) return { days: { from: to, to }, before: { from, to }, behind: { from: to, to } };
  return { days: { from: first, to: end }, before: { from, to: first }, behind: { from: end, to } };
}

const singly = ({ from, to }: Span) => sql`
  SELECT d.type, d.opener_role, coalesce(d.reason, '') AS reason, coalesce(d.resolution, 'open') AS resolution,
    1 AS disputes, ${RESPONSE} AS responses
  FROM disputes d WHERE d.test_clock_id IS NULL AND d.opened_at >= ${timestamptz(from)} AND d.opened_at < ${timestamptz(to)}`;

type CellRow = Omit<Cell, 'resolution' | 'reason'> & { reason: string; resolution: Cell['resolution'] | 'open' };

/**
 * Counts the disputes of a span as they stand: whole days from the rollup, corrected by what is not in it yet, and the
 * rest of the span one by one. With `freeze`, all of it is of one moment.
 */
export async function readCells(tx: Tx, span: Span, { position }: Pick<Standing, 'position'>): Promise<Cell[]> {
  const { days, before, behind } = partsOf(span);
  const isWithin = sql`day >= ${day(days.from)} AND day < ${day(days.to)}`;
  const tail = sql`SELECT type, dispute_id FROM log_entries WHERE seq > ${position}
    UNION ALL SELECT type, dispute_id FROM log_entries WHERE seq IS NULL`;
  const { rows } = await tx.execute<CellRow & Record<string, unknown>>(sql`
    SELECT type, opener_role AS "openerRole", reason, resolution, sum(disputes)::float8 AS disputes,
      coalesce(string_agg(responses, ''::bytea), '') AS responses
    FROM (
      SELECT type, opener_role, reason, resolution, disputes, responses FROM dispute_statistics WHERE ${isWithin}
      UNION ALL
      SELECT type, opener_role, reason, resolution, disputes, responses FROM (${changesBy(tail)}) AS c WHERE ${isWithin}
      UNION ALL ${singly(before)}
      UNION ALL ${singly(behind)}) AS part
    GROUP BY type, opener_role, reason, resolution HAVING sum(disputes) <> 0`);
  return rows.map(({ reason, resolution, ...cell }) => ({
    ...cell,
    reason: reason === '' ? null : reason,
    resolution: resolution === 'open' ? null : resolution,
  }));
}

/** Open disputes of a span on which silence may be due: at most `limit` of them. */
export async function overdueIn(tx: Tx, { from, to }: Span, limit: number): Promise<Dispute[]> {
  const rows = await tx
    .select()
    .from(disputes)
    .where(
      sql`${OVERDUE}
        AND disputes.opened_at >= ${timestamptz(from)} AND disputes.opened_at < ${timestamptz(to)}`,
    )
    .orderBy(asc(disputes.respondBy))
    .limit(limit);
  return rows.map(toDispute);
}
