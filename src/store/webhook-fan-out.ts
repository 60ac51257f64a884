import { sql } from 'drizzle-orm';
import type { Database, Tx } from '../platform/database.ts';

/** An event that an endpoint shall hear of. */
export interface Heard {
  readonly eventId: string;
  readonly type: string;
  readonly orderId: string;
  readonly orderVersion: number;
  readonly seq: number;
}

/** What lies between an endpoint's position and the end of the log, as far as one look goes. */
export interface FanOut {
  readonly endpointId: string;
  readonly events: readonly Heard[];
  /** The position that the endpoint has with these. */
  readonly position: number;
}

/** How far one look goes: an endpoint's types may be rare, and a look has to end. */
const LOOK_AHEAD = 20_000;

/** Whether anybody wants to hear of anything. */
export async function anyActive({ query }: Database): Promise<boolean> {
  const { rows } = await query.execute(sql`SELECT 1 FROM webhook_endpoints WHERE active LIMIT 1`);
  return rows.length > 0;
}

/** Whether an active endpoint has not been given all that lies before a position. */
export async function anyBehind({ query }: Database, position: number): Promise<boolean> {
  const { rows } = await query.execute(
    sql`SELECT 1 FROM webhook_endpoints WHERE active AND position < ${position} LIMIT 1`,
  );
  return rows.length > 0;
}

/** How far the log goes. */
export async function endOfLog({ query }: Database): Promise<number> {
  const { rows } = await query.execute<{ seq: string | null }>(
    sql`SELECT max(seq) AS seq FROM log_entries WHERE seq IS NOT NULL`,
  );
  return Number(rows[0]?.seq ?? 0);
}

/**
 * Locks the active endpoint that is furthest behind, and reads what it shall hear of: at most `limit` events up to `head`.
 * Null if none is behind, but for those that somebody else is working on.
 */
export async function nextFanOut(tx: Tx, head: number, limit: number): Promise<FanOut | null> {
  const { rows: endpoints } = await tx.execute<{ id: string; types: string[] | null; position: string }>(sql`
    SELECT id, types, position FROM webhook_endpoints WHERE active AND position < ${head}
    ORDER BY position LIMIT 1 FOR UPDATE SKIP LOCKED`);
  const [endpoint] = endpoints;
  if (endpoint === undefined) return null;
  const position = Number(endpoint.position);
  const until = endpoint.types === null ? head : Math.min(head, position + LOOK_AHEAD);
  const { rows } = await tx.execute<Omit<Heard, 'seq'> & { seq: string }>(sql`
    SELECT id AS "eventId", type, order_id AS "orderId", order_version AS "orderVersion", seq FROM log_entries
    WHERE seq IS NOT NULL AND seq > ${position} AND seq <= ${until}
      AND (${endpoint.types === null} OR type = ANY (${sql.param(endpoint.types ?? [])}::text[]))
    ORDER BY seq LIMIT ${limit}`);
  const events = rows.map((row) => ({ ...row, seq: Number(row.seq) }));
  const last = events.at(-1)?.seq ?? until;
  return { endpointId: endpoint.id, events, position: events.length === limit ? last : until };
}

/**
 * Makes the deliveries of a locked endpoint, and moves its position. An event waits for those of its order that come
 * before it. One that was delivered before is delivered again.
 * @param idOf makes the id of a delivery
 */
export async function addDeliveries(
  tx: Tx,
  { endpointId, events, position }: FanOut,
  idOf: () => string,
): Promise<void> {
  const input = JSON.stringify(events.map((event) => ({ ...event, id: idOf() })));
  if (events.length > 0) {
    await tx.execute(sql`
      WITH v AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(${input}::jsonb) AS v("id" uuid, "eventId" uuid, "type" text, "orderId" text,
          "orderVersion" integer, "seq" bigint)),
      placed AS MATERIALIZED (
        SELECT v.*, (row_number() OVER (PARTITION BY "orderId" ORDER BY "seq") > 1 OR EXISTS (
            SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = ${endpointId} AND d.order_id = v."orderId"
              AND d.status IN ('waiting', 'pending') AND d.seq < v."seq")) AS waits
        FROM v)
      INSERT INTO webhook_deliveries (id, endpoint_id, message_id, type, order_id, order_version, seq, status,
        next_attempt_at, created_at)
      SELECT "id", ${endpointId}, "eventId", "type", "orderId", "orderVersion", "seq",
        CASE WHEN waits THEN 'waiting' ELSE 'pending' END,
        CASE WHEN waits THEN NULL ELSE date_trunc('milliseconds', clock_timestamp()) END,
        date_trunc('milliseconds', clock_timestamp())
      FROM placed
      ON CONFLICT (endpoint_id, message_id) DO UPDATE SET status = excluded.status, attempts = 0,
        next_attempt_at = excluded.next_attempt_at, claim = NULL, finished_at = NULL
      WHERE webhook_deliveries.finished_at IS NOT NULL`);
  }
  await tx.execute(sql`UPDATE webhook_endpoints SET position = ${position} WHERE id = ${endpointId}`);
}
