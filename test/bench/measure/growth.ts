import { execFileSync } from 'node:child_process';
import type { Pool } from 'pg';
import { mintToken } from '../../../src/dev/development.ts';
import { SECRET } from '../../harness/stage/instances.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { callFor } from '../calls.ts';
import type { BenchOptions } from '../options.ts';
import type { Row } from '../row.ts';
import { CLIENT, FREELANCER, NUMBER, rowsNamed, seedOpen, seedOrders, seedResolved, settleDown } from '../seed.ts';
import type { BenchDatabase, BenchStage } from '../stage.ts';
import { acceptCall, openCall } from './commands.ts';

const SMALL = 1_000;
const RESOLVED_FOR_EACH = 5;
const CHUNK = 100_000;
const CONNECTIONS = 8;
const WARM_UP_MS = 2_000;
const MOST_PER_SECOND = 2_000;
const SWEPT = 10_000;
const LONGEST_MS = 3_600_000;
const FAR = `date_trunc('milliseconds', clock_timestamp()) + interval '2 days' + random() * interval '1 day'`;

/** Nothing is measured yet: what is put in is on the disk by the time that something is. */
const CARELESS = { fsync: 'off', full_page_writes: 'off', max_wal_size: '4GB', maintenance_work_mem: '1GB' };

async function carelessly(admin: Pool, work: () => Promise<void>): Promise<void> {
  for (const [name, value] of Object.entries(CARELESS)) await admin.query(`ALTER SYSTEM SET ${name} = '${value}'`);
  await admin.query('SELECT pg_reload_conf()');
  await work();
  for (const name of Object.keys(CARELESS)) await admin.query(`ALTER SYSTEM RESET ${name}`);
  await admin.query('SELECT pg_reload_conf()');
  await admin.query('CHECKPOINT');
  execFileSync('sync');
}

/** A database with so many open disputes, and five times as many resolved ones, whose log is numbered and counted. */
async function fill(stage: BenchStage, open: number): Promise<BenchDatabase> {
  const database = await stage.newDatabase();
  const { admin } = database;
  await carelessly(admin, async () => {
    for (let from = 0; from < open; from += CHUNK) {
      const count = Math.min(CHUNK, open - from);
      const resolved = Array.from({ length: RESOLVED_FOR_EACH }, (_none, n) =>
        seedResolved(admin, rowsNamed(`old-done-${from}-${n}-`, count, 'many'), NUMBER.next),
      );
      const opened = seedOpen(admin, rowsNamed(`old-open-${from}-`, count, 'many'), FAR, NUMBER.next);
      await Promise.all([opened, ...resolved]);
    }
    await admin.query('UPDATE statistics_position SET seq = (SELECT max(seq) FROM log_entries)');
    await admin.query('VACUUM ANALYZE');
  });
  return database;
}

interface Costs {
  readonly open: number;
  readonly answer: number;
  readonly read: number;
  readonly sweep: number;
}

/** Has the wake-ups of what was put in handed over to Redis, as those of a service that has been running are. */
async function handOver(stage: BenchStage, database: BenchDatabase): Promise<void> {
  const worker = await stage.start(database, 'worker');
  const waiting = 'SELECT 1 FROM timers WHERE leased_until <= clock_timestamp() LIMIT 1';
  await waitFor(
    'all wake-ups are handed over',
    async () => (await database.admin.query(waiting)).rows.length === 0,
    LONGEST_MS,
  );
  await worker.stop();
  await settleDown(database.admin);
}

/** What one of each costs in a database, in milliseconds of a connection's time or of the sweeper's. */
async function costsIn(stage: BenchStage, database: BenchDatabase, seconds: number, round: number): Promise<Costs> {
  const { admin } = database;
  const [client, freelancer] = await Promise.all([CLIENT, FREELANCER].map((sub) => mintToken(SECRET, { sub })));
  if (client === undefined || freelancer === undefined) throw new Error('there are no tokens');
  const count = Math.ceil(MOST_PER_SECOND * (seconds + WARM_UP_MS / 1_000));
  const prefix = `round-${round}-`;
  await seedOrders(admin, rowsNamed(prefix, count));
  await admin.query('CHECKPOINT');
  const { instance, stop } = await stage.start(database, 'api');
  const options = { connections: CONNECTIONS, warmUpMs: WARM_UP_MS, forMs: seconds * 1_000 };
  const costOf = async (next: () => Parameters<typeof callFor>[1] extends () => infer C ? C : never) =>
    (CONNECTIONS * 1_000) / (await callFor(instance.url, next, options)).perSecond;
  let opened = 0;
  const open = await costOf(() => openCall(client, `${prefix}${++opened}`));
  const { rows } = await admin.query<{ id: string }>(
    `SELECT id FROM disputes WHERE order_id LIKE '${prefix}%' AND status = 'open'`,
  );
  let turn = 0;
  const nextId = () => rows[turn++ % rows.length]?.id ?? '';
  const read = await costOf(() => ({ method: 'GET', path: `/v1/disputes/${nextId()}`, token: client }));
  turn = 0;
  // No more than were opened, so that none is answered twice.
  const answered = await callFor(instance.url, () => acceptCall(freelancer, nextId()), {
    ...options,
    warmUpMs: 0,
    forMs: Math.min(seconds * 1_000, 1_500),
  });
  await stop();
  await seedOpen(admin, rowsNamed(`sweep-${round}-`, SWEPT), `clock_timestamp() + interval '3 seconds'`);
  await admin.query('CHECKPOINT');
  const worker = await stage.start(database, 'worker');
  const { rows: due } = await admin.query<{ due: number }>(
    `SELECT (extract(epoch from min(respond_by)) * 1000)::float8 AS due FROM disputes WHERE status = 'open'`,
  );
  await waitFor(
    'all are swept',
    async () =>
      (
        await admin.query(
          "SELECT 1 FROM disputes WHERE status = 'open' AND respond_by < clock_timestamp() + interval '1 hour' LIMIT 1",
        )
      ).rows.length === 0,
    300_000,
  );
  const sweepMs = Date.now() - Math.max(due[0]?.due ?? 0, 0);
  await worker.stop();
  return { open, read, answer: (CONNECTIONS * 1_000) / answered.perSecond, sweep: sweepMs / SWEPT };
}

/** What one of each costs in a large database, beside a small one. */
export async function measureGrowth(stage: BenchStage, { rounds, seconds, large }: BenchOptions): Promise<Row[]> {
  const databases = { ours: await fill(stage, large), theirs: await fill(stage, SMALL) };
  for (const database of Object.values(databases)) await handOver(stage, database);
  const costs: Record<'ours' | 'theirs', Costs[]> = { ours: [], theirs: [] };
  for (let round = 1; round <= rounds; round += 1) {
    const sides = ['ours', 'theirs'] as const;
    for (const side of round % 2 === 0 ? sides.toReversed() : sides) {
      costs[side].push(await costsIn(stage, databases[side], seconds, round));
    }
  }
  await databases.ours.drop();
  await databases.theirs.drop();
  const resolved = large * RESOLVED_FOR_EACH;
  return (['open', 'answer', 'read', 'sweep'] as const).map((what) => ({
    name: `growth-${what}`,
    what: `cost of ${what} at ${large.toLocaleString('en')} open and ${resolved.toLocaleString('en')} resolved`,
    against: `the same at ${SMALL.toLocaleString('en')}`,
    reach: { atMost: 1.1 },
    unit: 'ms',
    ours: costs.ours.map((cost) => cost[what]),
    theirs: costs.theirs.map((cost) => cost[what]),
  }));
}
