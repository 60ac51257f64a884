import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import {
  type Database,
  isReadOnly,
  isTransient,
  openDatabase,
  sqlStateOf,
  type Tx,
  withTx,
} from '../../../src/platform/postgres/database.ts';
import { watchPostgres } from '../../../src/platform/postgres/postgres-health.ts';
import { withRetry } from '../../../src/platform/postgres/retry.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { createDatabase } from '../../harness/database.ts';
import { captureLog } from '../../harness/log.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { createRole, setDefaults } from '../../proofs/managed/servers/other-defaults.ts';

function open(url: string, poolSize: number): { db: Database; errors: Error[] } {
  const errors: Error[] = [];
  const onError = (error: Error) => void errors.push(error);
  const db = openDatabase({ url, poolSize, applicationName: 'connections', onError });
  onCleanup(() => db.pool.end());
  return { db, errors };
}

const asks = async (tx: Tx) => {
  const { rows } = await tx.execute<{ name: string }>(sql`SELECT current_database() AS name, pg_sleep(0.01)`);
  return rows[0]?.name;
};
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.then(() => null).catch((error: unknown) => error);

describe('a server that allows fewer connections than the pool would have', () => {
  test('is used by those that it allows: callers wait for them', async () => {
    const database = await createDatabase();
    const { db, errors } = open(await createRole(database, { connectionLimit: 2 }), 10);
    const names = await Promise.all(Array.from({ length: 40 }, () => withTx(db, asks)));
    expect(new Set(names)).toEqual(new Set([database.name]));
    expect(db.pool.totalCount).toBe(2);
    expect(errors.map(sqlStateOf)).toEqual(expect.arrayContaining(['53300']));
    // Ten connections are asked for at once; from then on the pool is no larger than what the server allows.
    expect(errors.length).toBeLessThanOrEqual(10);
  });

  test('refuses a caller in the end, as something to be tried again, if others have all of them', async () => {
    const database = await createDatabase();
    const url = await createRole(database, { connectionLimit: 1 });
    const other = open(url, 1).db;
    const { db } = open(url, 5);
    const client = await other.connections.take();
    expect(sqlStateOf(await failureOf(withTx(db, asks)))).toBe('53300');
    client.release(true);
    expect(await withTx(db, asks)).toBe(database.name);
  });
});

/** Closes the connections of a pool to writes, as those to a server that was demoted; new ones lead to its heir. */
async function closeToWrites({ pool }: Database): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()));
  for (const client of clients) await client.query('SET default_transaction_read_only = on');
  for (const client of clients) client.release();
}

describe('a server that takes no writes', () => {
  const write = (tx: Tx) => tx.execute(sql`DELETE FROM timers`);

  test('is not asked on any connection that was there, once one has said so', async () => {
    const { db } = open((await createDatabase()).url, 4);
    await Promise.all(Array.from({ length: 4 }, () => withTx(db, asks)));
    await closeToWrites(db);
    expect(db.pool.idleCount).toBe(4);
    expect(isReadOnly(await failureOf(withTx(db, write)))).toBe(true);
    expect(isTransient(await failureOf(Promise.all(Array.from({ length: 4 }, () => withTx(db, write)))))).toBe(false);
  });

  test('is not seen by a caller that tries again', async () => {
    const { db } = open((await createDatabase()).url, 1);
    await withTx(db, asks);
    await closeToWrites(db);
    await withRetry(() => withTx(db, write), { idempotent: true });
  });

  test('does not have each call connect anew where there is no other', async () => {
    const database = await createDatabase();
    const { db } = open(await createRole(database, { settings: { default_transaction_read_only: 'on' } }), 1);
    let connected = 0;
    db.pool.on('connect', () => {
      connected += 1;
    });
    const begun = performance.now();
    for (let n = 0; n < 50; n += 1) expect(isReadOnly(await failureOf(withTx(db, write)))).toBe(true);
    const seconds = Math.ceil((performance.now() - begun) / 1_000);
    expect(connected).toBeLessThanOrEqual(1 + seconds);
  });

  test('is named by readiness, once in the log, and again when it takes writes', async () => {
    const database = await createDatabase();
    await setDefaults(database, { default_transaction_read_only: 'on' });
    const { db } = open(database.url, 2);
    const log = captureLog('info');
    const look = watchPostgres(db.connections, log.log);
    expect([await look(), await look()]).toEqual(['read_only', 'read_only']);
    // By a session that takes writes all the same.
    await database.query(`SET default_transaction_read_only = off; ALTER DATABASE ${database.name} RESET ALL`);
    await waitFor('it takes writes', async () => (await look()) === 'up');
    expect(log.lines().map(({ msg }) => msg)).toEqual([
      'PostgreSQL takes no writes',
      'PostgreSQL takes reads and writes',
    ]);
  });
});
