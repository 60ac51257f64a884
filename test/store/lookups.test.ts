import pg from 'pg';
import { expect, test } from 'vitest';
import { type Database, openDatabase, type Tx, withTx } from '../../src/platform/postgres/database.ts';
import { keepResponses, reserveKeys } from '../../src/store/idempotency.ts';
import { readPage } from '../../src/store/lists/listing.ts';
import { lockOrders, readFacts } from '../../src/store/locks.ts';
import { forgetTimers, returnLeases, type Timer } from '../../src/store/timers.ts';
import { write } from '../../src/store/write-set.ts';
import { rowsNamed, seedOpen } from '../bench/seed.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { decideAcceptance } from './acceptance.ts';

const IN_TWO_DAYS = `clock_timestamp() + interval '2 days'`;
const FEW = 300;
const MANY = 5_000;
/** Each row that it writes, with the rows that its keys refer to, and some more. */
const LOOKED_AT = 40;

/** A service with a database of its own, and a single connection to it: statements are planned once. */
async function open(): Promise<{ service: Service; admin: pg.Pool; db: Database }> {
  const service = await startService();
  const { url } = service.database;
  const admin = new pg.Pool({ connectionString: url, max: 1 });
  const db = openDatabase({ url, poolSize: 1, applicationName: 'lookups', onError: () => {} });
  onCleanup(async () => {
    await db.pool.end();
    await admin.end();
  });
  return { service, admin, db };
}

async function accept(tx: Tx, disputeId: string): Promise<void> {
  await write(tx, await decideAcceptance(tx, disputeId));
}

/** How many rows a transaction has looked at so far. */
async function lookedAtIn(tx: Tx): Promise<number> {
  const { rows } = await tx.execute<{ looked: number }>(
    'SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::integer AS looked FROM pg_stat_xact_user_tables',
  );
  return rows[0]?.looked ?? Number.NaN;
}

test.each([
  ['none', 0],
  ['next to none', FEW],
])('a write looks at its own rows only, also if it was planned when there were %s', async (_count, few) => {
  const { service, admin, db } = await open();
  await seedOpen(admin, rowsNamed('few-', few), IN_TWO_DAYS);
  await service.database.query('VACUUM ANALYZE');
  await withTx(db, (tx) => write(tx, { orders: [], disputes: [], entries: [] }));
  await seedOpen(admin, rowsNamed('many-', MANY), IN_TWO_DAYS);
  await admin.query(
    `INSERT INTO deadline_failures SELECT id, 1, now(), 'any' FROM disputes WHERE order_id LIKE 'many-%'`,
  );
  const { id } = await seedDispute(service, 'cancellation');

  const looked = await withTx(db, async (tx) => {
    await accept(tx, id);
    return await lookedAtIn(tx);
  });
  expect(looked).toBeGreaterThan(0);
  expect(looked).toBeLessThan(LOOKED_AT);
});

test('a command looks at its own rows only before it decides, also if it was planned when there were none', async () => {
  const { service, admin, db } = await open();
  await service.database.query('VACUUM ANALYZE');
  const key = (n: number) => ({ caller: 'user-7', key: `key-${n}`, fingerprint: 'any' });
  const wanted = [{ target: { orderId: 'many-7' }, partyId: 'user-7' }];
  const prepare = async (tx: Tx) => [
    await reserveKeys(tx, [key(7)]),
    await lockOrders(tx, wanted, 'skip'),
    await readFacts(tx, wanted),
  ];
  await withTx(db, prepare);
  await seedOpen(admin, rowsNamed('many-', FEW), IN_TWO_DAYS);
  const response = { status: 201, headers: {}, body: '{}' };
  const kept = Array.from({ length: FEW }, (_, n) => ({ key: key(n), response, now: Date.now() }));
  await withTx(db, (tx) => keepResponses(tx, kept));

  const [found, looked] = await withTx(db, async (tx) => [await prepare(tx), await lookedAtIn(tx)]);
  expect(found).toMatchObject([[{ state: 'answered' }], new Map([['many-7', {}]]), { disputes: [{}] }]);
  expect(looked).toBeLessThan(LOOKED_AT);
});

/** How many rows of a table something looks at, on the only connection. */
async function lookedAt(db: Database, table: string, work: () => Promise<unknown>): Promise<number> {
  const looked = async () => {
    await db.query.execute('SELECT pg_stat_force_next_flush()');
    const { rows } = await db.query.execute<{ looked: number }>(
      `SELECT (seq_tup_read + idx_tup_fetch)::integer AS looked FROM pg_stat_user_tables WHERE relname = '${table}'`,
    );
    return rows[0]?.looked ?? Number.NaN;
  };
  const before = await looked();
  await work();
  return (await looked()) - before;
}

/** After so many executions PostgreSQL may choose a generic plan. */
const OFTEN = 8;

test.each([
  ['a user with a few', 'client-7'],
  ['a user with thousands', 'user-7'],
])('the list of %s looks at what it shows, also with a generic plan', async (_who, partyId) => {
  const { service, admin, db } = await open();
  await seedOpen(admin, rowsNamed('two-', MANY), IN_TWO_DAYS);
  await seedOpen(admin, rowsNamed('many-', MANY, 'many'), IN_TWO_DAYS);
  await service.database.query('VACUUM ANALYZE');
  const list = async () => {
    const { rows } = await readPage(db, { filter: { partyId }, sort: '-openedAt', after: null, limit: 2 });
    expect(rows).toHaveLength(2);
  };
  for (let n = 0; n < OFTEN; n += 1) await list();
  expect(await lookedAt(db, 'disputes', list)).toBeLessThan(LOOKED_AT);
});

test.each([
  ['forgetting timers', forgetTimers],
  ['giving leases back', returnLeases],
])('%s looks at those only, also without statistics on how many are unwanted', async (_what, work) => {
  const { service, admin, db } = await open();
  await seedOpen(admin, rowsNamed('many-', MANY), IN_TWO_DAYS);
  await service.database.query('VACUUM ANALYZE');
  await service.database.query('UPDATE timers SET due_at = NULL');
  const { rows: timers } = await admin.query<Timer>(
    'SELECT dispute_id AS "disputeId", seq, due_at AS "dueAt" FROM timers LIMIT 10',
  );
  expect(await lookedAt(db, 'timers', () => withTx(db, (tx) => work(tx, timers)))).toBeLessThan(LOOKED_AT);
});
