import { asc, eq, gt, isNotNull, sql } from 'drizzle-orm';
import type { Instant } from '../../domain/state.ts';
import type { Database, Tx } from '../../platform/postgres/database.ts';
import type { SubscribedType } from '../states.ts';
import { webhookEndpoints, webhookEndpointsRemoved } from './schema.ts';

export type EndpointRow = typeof webhookEndpoints.$inferSelect;

/** What a new endpoint starts with; the rest is the database's. */
export interface NewEndpoint {
  readonly id: string;
  readonly url: string;
  readonly description: string | null;
  readonly types: readonly SubscribedType[] | null;
  readonly includeComments: boolean;
  readonly active: boolean;
  /** Encrypted. */
  readonly secret: string;
  readonly createdBy: string;
}

const NOW = sql`date_trunc('milliseconds', clock_timestamp())`;
const now = NOW as unknown as Instant;
const HEAD = sql`coalesce((SELECT max(seq) FROM log_entries WHERE seq IS NOT NULL), 0)`;

// Any constant will do, as long as every process uses the same.
const ENDPOINTS_LOCK = 7_305_416_203;

/** How many endpoints there are. None is added by another transaction until this one ends. */
export async function countEndpoints(tx: Tx): Promise<number> {
  await tx.execute(sql`SELECT pg_advisory_xact_lock(${ENDPOINTS_LOCK})`);
  const { rows } = await tx.execute<{ count: number }>(sql`SELECT count(*)::integer AS count FROM webhook_endpoints`);
  return rows[0]?.count ?? 0;
}

/** Adds an endpoint. It gets what happens from now on. */
export async function insertEndpoint(tx: Tx, endpoint: NewEndpoint): Promise<EndpointRow> {
  const [row] = await tx
    .insert(webhookEndpoints)
    .values({
      ...endpoint,
      types: endpoint.types === null ? null : [...endpoint.types],
      position: HEAD as unknown as number,
      activeSince: endpoint.active ? now : null,
      failures: 0,
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

/** The secret before the present one, encrypted, while deliveries are signed by it as well; null after that. */
export const previousSecretAt = (
  { previousSecret, previousSecretUntil }: Pick<EndpointRow, 'previousSecret' | 'previousSecretUntil'>,
  at: Instant,
): string | null => ((previousSecretUntil ?? 0) > at ? previousSecret : null);

/** Finds an endpoint by its id. */
export async function findEndpoint(query: Pick<Tx, 'select'>, id: string): Promise<EndpointRow | undefined> {
  const [row] = await query.select().from(webhookEndpoints).where(eq(webhookEndpoints.id, id));
  return row;
}

/** Finds and locks an endpoint: its position, deliveries, state and secrets are changed under this lock alone. */
export async function lockEndpoint(tx: Tx, id: string): Promise<EndpointRow | undefined> {
  const [row] = await tx.select().from(webhookEndpoints).where(eq(webhookEndpoints.id, id)).for('no key update');
  return row;
}

/** Writes an endpoint as it is now; its row is locked. */
export async function saveEndpoint(tx: Tx, { id, ...row }: EndpointRow): Promise<void> {
  await tx.update(webhookEndpoints).set(row).where(eq(webhookEndpoints.id, id));
}

/** Active endpoints that hear of a type, but for one; at most `limit`. None of them is removed before the transaction ends. */
export async function hearersOf(tx: Tx, type: string, exceptId: string, limit: number): Promise<EndpointRow[]> {
  return await tx
    .select()
    .from(webhookEndpoints)
    .where(
      sql`${webhookEndpoints.active} AND ${webhookEndpoints.id} <> ${exceptId}
        AND (${webhookEndpoints.types} IS NULL OR ${type} = ANY (${webhookEndpoints.types}))`,
    )
    .orderBy(asc(webhookEndpoints.id))
    .limit(limit)
    .for('key share');
}

/** The endpoints whose deliveries have to be revised. */
export async function endpointsToRevise({ query }: Database): Promise<string[]> {
  const rows = await query
    .select({ id: webhookEndpoints.id })
    .from(webhookEndpoints)
    .where(isNotNull(webhookEndpoints.reviseAfter));
  return rows.map(({ id }) => id);
}

/**
 * Removes an endpoint, and has its deliveries deleted later, in steps: there may be half a million.
 * @returns what it was, or undefined if there was none
 */
export async function deleteEndpoint(tx: Tx, id: string): Promise<EndpointRow | undefined> {
  const [row] = await tx.delete(webhookEndpoints).where(eq(webhookEndpoints.id, id)).returning();
  if (row !== undefined) await tx.insert(webhookEndpointsRemoved).values({ endpointId: id, removedAt: now });
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
