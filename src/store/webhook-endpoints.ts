import { asc, eq, gt, sql } from 'drizzle-orm';
import type { Instant } from '../domain/state.ts';
import type { Database, Tx } from '../platform/database.ts';
import { webhookEndpoints } from './schema.ts';

export type EndpointRow = typeof webhookEndpoints.$inferSelect;

/** What a new endpoint starts with; the rest is the database's. */
export interface NewEndpoint {
  readonly id: string;
  readonly url: string;
  readonly description: string | null;
  readonly types: readonly string[] | null;
  readonly includeComments: boolean;
  readonly active: boolean;
  /** Encrypted. */
  readonly secret: string;
  readonly createdBy: string;
}

/** What may be changed about an endpoint; what is absent stays as it is. */
export interface EndpointChange {
  readonly url?: string | undefined;
  readonly description?: string | null | undefined;
  readonly types?: readonly string[] | null | undefined;
  readonly includeComments?: boolean | undefined;
  readonly active?: boolean | undefined;
}

const NOW = sql`date_trunc('milliseconds', clock_timestamp())`;
const now = NOW as unknown as Instant;
const HEAD = sql`coalesce((SELECT max(seq) FROM log_entries WHERE seq IS NOT NULL), 0)`;

const listOf = (types: readonly string[] | null | undefined) =>
  types === null || types === undefined ? types : [...types];

/** Adds an endpoint. It gets what happens from now on. */
export async function insertEndpoint(tx: Tx, endpoint: NewEndpoint): Promise<EndpointRow> {
  const [row] = await tx
    .insert(webhookEndpoints)
    .values({
      ...endpoint,
      types: listOf(endpoint.types) ?? null,
      position: HEAD as unknown as number,
      createdAt: now,
      updatedAt: now,
    })
    .returning();
  if (row === undefined) throw new Error('an endpoint was not inserted');
  return row;
}

/** Up to `limit` endpoints behind one, oldest first. */
export async function listEndpoints(
  { query }: Database,
  afterId: string | null,
  limit: number,
): Promise<EndpointRow[]> {
  return await query
    .select()
    .from(webhookEndpoints)
    .where(afterId === null ? undefined : gt(webhookEndpoints.id, afterId))
    .orderBy(asc(webhookEndpoints.id))
    .limit(limit);
}

/** Finds an endpoint by its id. */
export async function findEndpoint(query: Pick<Tx, 'select'>, id: string): Promise<EndpointRow | undefined> {
  const [row] = await query.select().from(webhookEndpoints).where(eq(webhookEndpoints.id, id));
  return row;
}

/** Finds and locks an endpoint: whoever moves its position, its deliveries or its secrets does it alone. */
export async function lockEndpoint(tx: Tx, id: string): Promise<EndpointRow | undefined> {
  const [row] = await tx.select().from(webhookEndpoints).where(eq(webhookEndpoints.id, id)).for('update');
  return row;
}

/** Changes an endpoint. One that is made active again begins with a clean slate, and goes on where it stopped. */
export async function changeEndpoint(tx: Tx, id: string, change: EndpointChange): Promise<EndpointRow | undefined> {
  const { types, ...rest } = change;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const slate =
    change.active === true ? { disabledReason: null, disabledAt: null, failingSince: null, recoveredAt: now } : {};
  const [row] = await tx
    .update(webhookEndpoints)
    .set({ ...given, ...(types !== undefined && { types: listOf(types) ?? null }), ...slate, updatedAt: now })
    .where(eq(webhookEndpoints.id, id))
    .returning();
  return row;
}

/** Removes an endpoint with its deliveries; says what it was, or undefined if there was none. */
export async function deleteEndpoint(tx: Tx, id: string): Promise<EndpointRow | undefined> {
  const [row] = await tx.delete(webhookEndpoints).where(eq(webhookEndpoints.id, id)).returning();
  return row;
}

/** Gives an endpoint a new secret; the one that it had signs for another `keepMs`, beside the new one. */
export async function replaceSecret(
  tx: Tx,
  id: string,
  secret: string,
  keepMs: number,
): Promise<EndpointRow | undefined> {
  const [row] = await tx
    .update(webhookEndpoints)
    .set({
      secret,
      previousSecret: keepMs === 0 ? null : sql`${webhookEndpoints.secret}`,
      previousSecretUntil: keepMs === 0 ? null : sql`${NOW} + ${keepMs}::float8 * interval '1 millisecond'`,
      updatedAt: now,
    })
    .where(eq(webhookEndpoints.id, id))
    .returning();
  return row;
}

/** Moves an endpoint's position: what lies behind it will be delivered, also what was delivered before. */
export async function movePosition(tx: Tx, id: string, position: number): Promise<EndpointRow | undefined> {
  const [row] = await tx
    .update(webhookEndpoints)
    .set({
      position: sql`least(${position}::bigint, ${webhookEndpoints.position})` as unknown as number,
      updatedAt: now,
    })
    .where(eq(webhookEndpoints.id, id))
    .returning();
  return row;
}

/** How an endpoint fares, once some attempts have been made. */
export interface Health {
  readonly succeeded: boolean;
  readonly failed: boolean;
  /** Whether it said that it is not there any more. */
  readonly gone: boolean;
}

/**
 * Notes how attempts went, and disables an endpoint that is gone or that has failed for longer than `patienceMs`.
 * @returns why it was disabled just now, or null
 */
export async function noteHealth(
  tx: Tx,
  id: string,
  { succeeded, failed, gone }: Health,
  patienceMs: number,
): Promise<'gone' | 'failing' | null> {
  const tired = sql`${failed} AND NOT ${succeeded} AND failing_since < clock_timestamp() - ${patienceMs}::float8 * interval '1 millisecond'`;
  const { rows } = await tx.execute<{ reason: 'gone' | 'failing' | null }>(sql`
    UPDATE webhook_endpoints SET
      failing_since = CASE WHEN ${succeeded} THEN NULL WHEN ${failed} THEN coalesce(failing_since, ${NOW}) ELSE failing_since END,
      recovered_at = CASE WHEN ${succeeded} AND failing_since IS NOT NULL THEN ${NOW} ELSE recovered_at END,
      active = active AND NOT ${gone} AND NOT coalesce(${tired}, false),
      disabled_reason = CASE WHEN NOT active THEN disabled_reason WHEN ${gone} THEN 'gone' WHEN ${tired} THEN 'failing' END,
      disabled_at = CASE WHEN NOT active THEN disabled_at WHEN ${gone} OR coalesce(${tired}, false) THEN ${NOW} END
    WHERE id = ${id} AND active
    RETURNING disabled_reason AS reason`);
  return rows[0]?.reason ?? null;
}
