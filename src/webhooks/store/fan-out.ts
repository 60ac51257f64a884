import { sql } from 'drizzle-orm';
import type { EntryType } from '../../domain/commands.ts';
import type { Database, Tx } from '../../platform/postgres/database.ts';
import { LOG_END } from '../../store/feed.ts';
import type { EndpointRow } from './endpoints.ts';
import { webhookEndpoints } from './schema.ts';

/** An event that an endpoint shall hear of. */
export interface Heard {
  readonly eventId: string;
  readonly type: EntryType;
  readonly orderId: string;
  readonly orderVersion: number;
  readonly seq: number;
}

/** What lies between an endpoint's position and the end of the log, as far as one look goes. */
export interface FanOut {
  readonly endpoint: EndpointRow;
  readonly events: readonly Heard[];
  /** The position that the endpoint has with these. */
  readonly position: number;
}

/** How far one look goes: an endpoint's types may be rare, and a look has to end. */
const LOOK_AHEAD = 20_000;

/** Whether any endpoint is active. */
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
export async function endOfLog(query: Pick<Tx, 'execute'>): Promise<number> {
  const { rows } = await query.execute<{ seq: number }>(sql`SELECT ${LOG_END}::float8 AS seq`);
  return rows[0]?.seq ?? 0;
}

/**
 * Locks the active endpoint that is furthest behind, and reads what it shall hear of: at most `limit` events up to `head`.
 * Null if none is behind, but for those that another process has locked.
 * @param except ids of endpoints that are left out
 */
export async function nextFanOut(
  tx: Tx,
  { head, limit, except }: { readonly head: number; readonly limit: number; readonly except: readonly string[] },
): Promise<FanOut | null> {
  const [endpoint] = await tx
    .select()
    .from(webhookEndpoints)
    .where(sql`${webhookEndpoints.active} AND ${webhookEndpoints.position} < ${head}
      AND ${webhookEndpoints.id} <> ALL (${sql.param(except)}::uuid[])`)
    .orderBy(webhookEndpoints.position)
    .limit(1)
    .for('no key update', { skipLocked: true });
  if (endpoint === undefined) return null;
  const { position } = endpoint;
  const until = endpoint.types === null ? head : Math.min(head, position + LOOK_AHEAD);
  const { rows } = await tx.execute<Omit<Heard, 'seq'> & { seq: string }>(sql`
    SELECT id AS "eventId", type, order_id AS "orderId", order_version AS "orderVersion", seq FROM log_entries
    WHERE seq IS NOT NULL AND seq > ${position} AND seq <= ${until}
      AND (${endpoint.types === null} OR type = ANY (${sql.param(endpoint.types ?? [])}::text[]))
    ORDER BY seq LIMIT ${limit}`);
  const events = rows.map((row) => ({ ...row, seq: Number(row.seq) }));
  const last = events.at(-1)?.seq ?? until;
  return { endpoint, events, position: events.length === limit ? last : until };
}

/** Moves the position of a locked endpoint: the events up to there have their deliveries. */
export async function setPosition(tx: Tx, endpointId: string, position: number): Promise<void> {
  await tx.execute(sql`UPDATE webhook_endpoints SET position = ${position} WHERE id = ${endpointId}`);
}

/** Moves the position of an endpoint past one event of which no delivery can be made, unless it is past it already. */
export async function passOver(tx: Tx, endpointId: string, position: number): Promise<void> {
  await tx.execute(
    sql`UPDATE webhook_endpoints SET position = ${position} WHERE id = ${endpointId} AND position < ${position}`,
  );
}
