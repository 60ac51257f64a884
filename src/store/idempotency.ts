import { lt, sql } from 'drizzle-orm';
import type { Instant } from '../domain/state.ts';
import { prepared, type Tx } from '../platform/postgres/database.ts';
import { writtenColumns } from '../platform/postgres/written-columns.ts';
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
export type Reservation =
  | { readonly state: 'new' }
  | { readonly state: 'in_use' }
  | { readonly state: 'answered'; readonly fingerprint: string; readonly response: StoredResponse };

const RETENTION = sql`interval '24 hours'`;

const CALLERS = sql`${sql.placeholder('callers')}::text[]`;
const KEYS = sql`${sql.placeholder('keys')}::text[]`;

const RESERVE = prepared('reserve_keys', (tx: Tx) =>
  tx
    .select({
      index: sql<number>`k.index::integer`,
      isReserved: sql<boolean>`pg_try_advisory_xact_lock(hashtextextended(k.caller || ' ' || k.key, 0))`,
    })
    .from(sql`unnest(${CALLERS}, ${KEYS}) WITH ORDINALITY AS k(caller, key, index)`),
);
// Key by key: LIMIT keeps the planner from joining the other way round, which reads every kept answer.
const KEPT = prepared('kept_responses', (tx: Tx) => {
  const ofKey = tx
    .select()
    .from(idempotencyKeys)
    .where(
      sql`${idempotencyKeys.caller} = k.caller AND ${idempotencyKeys.key} = k.key
        AND ${idempotencyKeys.createdAt} > clock_timestamp() - ${RETENTION}`,
    )
    .limit(1)
    .as('kept');
  return tx
    .select({
      index: sql<number>`k.index::integer`,
      fingerprint: ofKey.fingerprint,
      status: ofKey.responseStatus,
      headers: ofKey.responseHeaders,
      body: ofKey.responseBody,
    })
    .from(sql`unnest(${CALLERS}, ${KEYS}) WITH ORDINALITY AS k(caller, key, index)`)
    .crossJoinLateral(ofKey);
});

const NEW = { state: 'new' } as const;
const IN_USE = { state: 'in_use' } as const;

/**
 * Reserves keys until the end of the transaction. None is waited for: a key that another transaction holds is `in_use`.
 * Two statements, since one alone would look for an answer before it holds the key; they travel together.
 * @param keys no two of them the same; null for a request without a key
 * @returns what is known of each key, in their order; a request without a key is `new`
 */
export async function reserveKeys(tx: Tx, keys: readonly (IdempotencyKey | null)[]): Promise<readonly Reservation[]> {
  const given = keys.filter((key) => key !== null);
  if (given.length === 0) return keys.map(() => NEW);
  const parameters = { callers: given.map(({ caller }) => caller), keys: given.map(({ key }) => key) };
  const [reserved, kept] = await Promise.all([RESERVE(tx).execute(parameters), KEPT(tx).execute(parameters)]);
  const isReserved = new Map(reserved.map((row) => [given[row.index - 1], row.isReserved]));
  const answers = new Map(kept.map((row) => [given[row.index - 1], row]));
  return keys.map((key) => {
    if (key === null) return NEW;
    if (isReserved.get(key) !== true) return IN_USE;
    const answer = answers.get(key);
    if (answer === undefined) return NEW;
    const { fingerprint, status, headers, body } = answer;
    return { state: 'answered', fingerprint, response: { status, headers, body } };
  });
}

/** An answer to be kept, and the instant of its decision. */
export interface KeptResponse {
  readonly key: IdempotencyKey;
  readonly response: StoredResponse;
  readonly now: Instant;
}

const COLUMNS = writtenColumns(idempotencyKeys, { fixed: ['caller', 'key'] });
const [KEEP_HEAD, KEEP_TAIL] = [
  `INSERT INTO idempotency_keys (${COLUMNS.names}) SELECT ${COLUMNS.names} FROM jsonb_to_recordset(`,
  `::jsonb) AS v(${COLUMNS.definitions}) ON CONFLICT (caller, key) DO UPDATE SET ${COLUMNS.changesFrom('excluded')}`,
].map((text) => sql.raw(text));

/** Keeps the first answers for keys that this transaction has reserved; an answer past its 24 hours is replaced. */
export async function keepResponses(tx: Tx, kept: readonly KeptResponse[]): Promise<void> {
  const records = kept.map(({ key, response, now }) =>
    COLUMNS.record({
      ...key,
      responseStatus: response.status,
      responseHeaders: { ...response.headers },
      responseBody: response.body,
      createdAt: now,
    }),
  );
  // Sent before this returns; without `execute` it would be sent by the first who waits for it.
  await tx.execute(sql`${KEEP_HEAD}${JSON.stringify(records)}${KEEP_TAIL}`).execute();
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
