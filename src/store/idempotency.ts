import { and, eq, lt, sql } from 'drizzle-orm';
import type { Instant } from '../domain/state.ts';
import { prepared, type Tx } from '../platform/postgres/database.ts';
import { STATEMENT_TIME } from './clock.ts';
import { idempotencyKeys } from './schema.ts';

/** A response as it was sent, byte by byte. */
export interface StoredResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A key is its caller's own; two callers may use the same one. */
export interface IdempotencyKey {
  readonly caller: string;
  readonly key: string;
  /** Says whether two requests are the same. */
  readonly fingerprint: string;
}

/** What is known of a key: nothing yet, that its request still runs, or what was answered. */
export type Claim =
  | { readonly state: 'new' }
  | { readonly state: 'in_use' }
  | { readonly state: 'answered'; readonly fingerprint: string; readonly response: StoredResponse };

const RETENTION = sql`interval '24 hours'`;

const CALLER = sql.placeholder('caller');
const KEY = sql.placeholder('key');

const CLAIM = prepared('claim_key', (tx: Tx) =>
  tx
    .select({ claimed: sql<boolean>`pg_try_advisory_xact_lock(hashtextextended(${sql.placeholder('name')}::text, 0))` })
    .from(sql`(SELECT 1) AS one`),
);
const KEPT = prepared('kept_response', (tx: Tx) =>
  tx
    .select()
    .from(idempotencyKeys)
    .where(
      and(
        eq(idempotencyKeys.caller, CALLER),
        eq(idempotencyKeys.key, KEY),
        sql`${idempotencyKeys.createdAt} > clock_timestamp() - ${RETENTION}`,
      ),
    ),
);
const KEEP = prepared('keep_response', (tx: Tx) => {
  const kept = {
    fingerprint: sql.placeholder('fingerprint'),
    responseStatus: sql.placeholder('responseStatus'),
    responseHeaders: sql.placeholder('responseHeaders'),
    responseBody: sql.placeholder('responseBody'),
    createdAt: sql.placeholder('createdAt'),
  };
  const again = Object.keys(kept).map((name) => {
    const { name: column } = idempotencyKeys[name as keyof typeof kept];
    return [name, sql`excluded.${sql.identifier(column)}`] as const;
  });
  return tx
    .insert(idempotencyKeys)
    .values({ caller: CALLER, key: KEY, ...kept })
    .onConflictDoUpdate({
      target: [idempotencyKeys.caller, idempotencyKeys.key],
      set: Object.fromEntries(again),
    });
});

/**
 * Claims a key until the end of the transaction. Nobody waits: a key that another transaction holds is `in_use`.
 * Two statements, since one alone would look before it holds the claim; they travel together.
 */
export async function reserveKey(tx: Tx, { caller, key }: IdempotencyKey): Promise<Claim> {
  const [[claim], [kept]] = await Promise.all([
    CLAIM(tx).execute({ name: `${caller} ${key}` }),
    KEPT(tx).execute({ caller, key }),
  ]);
  if (claim?.claimed !== true) return { state: 'in_use' };
  if (kept === undefined) return { state: 'new' };
  const response = { status: kept.responseStatus, headers: kept.responseHeaders, body: kept.responseBody };
  return { state: 'answered', fingerprint: kept.fingerprint, response };
}

/** Keeps the first answer for a key that this transaction has claimed. */
export async function keepResponse(tx: Tx, key: IdempotencyKey, response: StoredResponse, now: Instant): Promise<void> {
  await KEEP(tx).execute({
    caller: key.caller,
    key: key.key,
    fingerprint: key.fingerprint,
    responseStatus: response.status,
    responseHeaders: { ...response.headers },
    responseBody: response.body,
    createdAt: now,
  });
}

/** Forgets up to `limit` keys that are past their 24 hours, and says how many. */
export async function forgetOldKeys(tx: Tx, limit: number): Promise<number> {
  const old = tx
    .select({ caller: idempotencyKeys.caller, key: idempotencyKeys.key })
    .from(idempotencyKeys)
    .where(lt(idempotencyKeys.createdAt, sql`${STATEMENT_TIME} - ${RETENTION}`))
    .limit(limit);
  const gone = await tx
    .delete(idempotencyKeys)
    .where(sql`(${idempotencyKeys.caller}, ${idempotencyKeys.key}) IN ${old}`)
    .returning({ key: idempotencyKeys.key });
  return gone.length;
}
