import { Queue } from 'bullmq';
import { isAnyOpen } from '../../harness/stage/herd.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { jobsWaiting, memoryOf } from '../redis.ts';
import type { Row } from '../row.ts';
import { rowsNamed, seedOpen, settleDown } from '../seed.ts';
import type { BenchStage } from '../stage.ts';

const COUNT = 20_000;

/** What a waiting deadline takes in Redis, beside a plain BullMQ job with the same data. */
async function redisBytes(stage: BenchStage): Promise<{ ours: number; theirs: number }> {
  const database = await stage.newDatabase();
  const { redis } = stage;
  const worker = await stage.start(database, 'worker');
  const before = await memoryOf(redis);
  await seedOpen(database.admin, rowsNamed('bytes-', COUNT), `clock_timestamp() + interval '2 days'`);
  const handedOver = async () => (await jobsWaiting(redis)) === COUNT;
  await waitFor('its jobs wait in Redis', handedOver, 120_000);
  const ours = ((await memoryOf(redis)) - before) / COUNT;
  const { rows } = await database.admin.query<{ id: string }>('SELECT id FROM disputes');
  await worker.stop();
  await redis.flushall();
  const empty = await memoryOf(redis);
  const queue = new Queue('plain', { connection: { port: Number(new URL(stage.redisUrl).port) } });
  for (let start = 0; start < rows.length; start += 1_000) {
    const jobs = rows.slice(start, start + 1_000).map(({ id }) => ({
      name: 'deadline',
      data: { disputeId: id, seq: 1 },
      opts: { delay: 172_800_000 },
    }));
    await queue.addBulk(jobs);
  }
  const theirs = ((await memoryOf(redis)) - empty) / COUNT;
  await queue.close();
  await database.drop();
  return { ours, theirs };
}

const TABLES = ['orders', 'disputes', 'log_entries', 'timers'];

/** What a dispute that silence has resolved takes in PostgreSQL with its order and log, beside its rows alone. */
async function postgresBytes(stage: BenchStage): Promise<{ ours: number; theirs: number }> {
  const database = await stage.newDatabase();
  const { admin } = database;
  await seedOpen(admin, rowsNamed('bytes-', COUNT), `clock_timestamp() + interval '1 second'`);
  const worker = await stage.start(database, 'worker');
  const isDone = async () =>
    !(await isAnyOpen(admin)) && (await admin.query('SELECT 1 FROM timers LIMIT 1')).rows.length === 0;
  await waitFor('all took effect and nothing is left of their timers', isDone, 120_000);
  await worker.stop();
  await settleDown(admin);
  const sum = async (query: (table: string) => string) => {
    let total = 0;
    for (const table of TABLES) {
      const { rows } = await admin.query<{ bytes: string | null }>(query(table));
      total += Number(rows[0]?.bytes ?? 0);
    }
    return total / COUNT;
  };
  const ours = await sum((table) => `SELECT pg_total_relation_size('${table}') AS bytes`);
  const theirs = await sum((table) => `SELECT sum(pg_column_size(t.*)) AS bytes FROM ${table} t`);
  await database.drop();
  return { ours, theirs };
}

/** What waits and what stays, in bytes. */
export async function measureBytes(stage: BenchStage): Promise<Row[]> {
  const redis = await redisBytes(stage);
  const postgres = await postgresBytes(stage);
  return [
    {
      name: 'redis-bytes',
      what: 'Redis, for a waiting deadline',
      against: 'a plain BullMQ job with the same data',
      reach: null,
      unit: 'bytes',
      ours: [redis.ours],
      theirs: [redis.theirs],
    },
    {
      name: 'postgres-bytes',
      what: 'PostgreSQL, for a dispute that silence resolved, with its order, log, indexes and the room of its updates',
      against: 'its rows alone',
      reach: null,
      unit: 'bytes',
      ours: [postgres.ours],
      theirs: [postgres.theirs],
    },
  ];
}
