// What one api and one worker do, and what disputes cost in PostgreSQL and Redis: the figures of docs/scale.md.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Pool as PgPool } from 'pg';
import { mintToken } from '../../../src/dev/development.ts';
import { migrate } from '../../../src/platform/postgres/migrations.ts';
import { flag, number, readOptions } from '../../harness/run/options.ts';
import { putBetweenMarkers } from '../../harness/stage/docs.ts';
import { insertHerd } from '../../harness/stage/herd.ts';
import { createInstances, end, type Instance, SECRET } from '../../harness/stage/instances.ts';
import { describeMachine } from '../../harness/stage/machine.ts';
import { startServers, type Undo } from '../../harness/stage/servers.ts';
import { type Call, callFor, quantile } from '../calls.ts';
import { jobsWaiting, memoryOf } from '../redis.ts';
import { cpuSecondsOf } from './processes.ts';

const options = readOptions('measure:scale', 'Measures what an api and a worker do, and what disputes take.', {
  disputes: number(100_000, 'how many are put into the database'),
  seconds: number(15, 'how long each rate is measured'),
  'write-docs': flag('put the figures into docs/scale.md'),
});
const DISPUTES = options.disputes;
const SECONDS = options.seconds;
const CONNECTIONS = 32;
const WARM_UP_S = 3;
const DAYS = 3;

const say = (text: string) => void process.stderr.write(`${text}\n`);

interface Stage {
  readonly admin: PgPool;
  readonly api: Instance;
  readonly worker: Instance;
  readonly postgresPid: number;
  readonly redis: Redis;
}

interface Rate {
  readonly what: string;
  readonly perSecond: number;
  readonly apiMs: number;
  readonly postgresMs: number;
  readonly p50: number;
  readonly p99: number;
}

/** Calls from 32 connections for some seconds, the warm-up not counted; what it costs each process is read from /proc. */
async function rateOf(stage: Stage, what: string, nextCall: () => Call, forSeconds = SECONDS): Promise<Rate> {
  const cpu = () => [cpuSecondsOf(stage.api.child.pid ?? 0), cpuSecondsOf(stage.postgresPid)] as const;
  let [before, after] = [cpu(), cpu()];
  const { perSecond, tookMs } = await callFor(stage.api.url, nextCall, {
    connections: CONNECTIONS,
    warmUpMs: WARM_UP_S * 1_000,
    forMs: forSeconds * 1_000,
    onCounting: (isCounting) => {
      if (isCounting) before = cpu();
      else after = cpu();
    },
  });
  const each = (index: 0 | 1) => ((after[index] - before[index]) * 1_000) / tookMs.length;
  say(`${what}: ${Math.round(perSecond)}/s`);
  return {
    what,
    perSecond,
    apiMs: each(0),
    postgresMs: each(1),
    p50: quantile(tookMs, 0.5),
    p99: quantile(tookMs, 0.99),
  };
}

async function measureApi(stage: Stage): Promise<Rate[]> {
  const client = await mintToken(SECRET, { sub: 'user-7' });
  const freelancer = await mintToken(SECRET, { sub: 'user-9' });
  const orders = await mintToken(SECRET, { sub: 'orders', scope: 'orders:write' });
  let reported = 0;
  const report = () => {
    reported += 1;
    const parties = { clientId: 'user-7', freelancerId: 'user-9' };
    const body = {
      ...parties,
      status: 'in_progress',
      deliverBy: null,
      price: { amount: 1, currency: 'USD' },
      revision: 1,
    };
    return { method: 'PUT', path: `/v1/orders/scale-${reported}`, token: orders, body } as const;
  };
  const rates = [await rateOf(stage, 'an order is reported', report)];

  let opened = 0;
  const open = () => {
    opened += 1;
    if (opened > reported - CONNECTIONS) throw new Error('more orders have to be reported');
    const path = `/v1/orders/scale-${opened}/disputes`;
    return {
      method: 'POST',
      path,
      token: client,
      body: { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' },
      key: `o-${opened}`,
    } as const;
  };
  // In long windows, so that none of them falls due meanwhile.
  rates.push(await rateOf(stage, 'a dispute is opened, with a key', open));

  const { rows } = await stage.admin.query<{ id: string }>(
    `SELECT id FROM disputes WHERE status = 'open' AND order_id LIKE 'scale-%'`,
  );
  const ids = rows.map(({ id }) => id);
  let read = 0;
  const readOne = () => {
    read += 1;
    return { method: 'GET', path: `/v1/disputes/${ids[read % ids.length]}`, token: client } as const;
  };
  rates.push(await rateOf(stage, 'a dispute is read', readOne));
  const page = () => ({ method: 'GET', path: '/v1/disputes?limit=20', token: client }) as const;
  rates.push(await rateOf(stage, 'a page of 20 is read', page));

  let answered = 0;
  const answer = () => {
    const id = ids[answered];
    answered += 1;
    if (id === undefined) throw new Error('more disputes have to be opened');
    return { method: 'POST', path: `/v1/disputes/${id}/decline`, token: freelancer, body: {}, key: `a-${id}` } as const;
  };
  // They are answered faster than they were opened.
  rates.push(await rateOf(stage, 'a dispute is answered, with a key', answer, Math.ceil(SECONDS / 5)));
  return rates;
}

async function bytesOf(admin: PgPool): Promise<number> {
  await admin.query('VACUUM');
  const { rows } = await admin.query<{ bytes: string }>(
    `SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class
     WHERE relname IN ('orders', 'disputes', 'log_entries', 'timers', 'idempotency_keys') AND relkind = 'r'`,
  );
  return Number(rows[0]?.bytes);
}

const until = async (isSo: () => Promise<boolean>) => {
  while (!(await isSo())) await sleep(50);
};

interface Costs {
  readonly openBytes: number;
  readonly resolvedBytes: number;
  readonly redisBytes: number;
  readonly handOverPerSecond: number;
  readonly settledPerSecond: number;
  readonly workerMs: number;
  readonly postgresMs: number;
}

async function measureCosts(stage: Stage): Promise<Costs> {
  const { admin, redis, worker, postgresPid } = stage;
  /** Redis has a job for each timer, and no other. */
  const isHandedOver = async () => {
    const { rows } = await admin.query<{ wanted: number; all: number }>(
      'SELECT count(due_at)::integer AS wanted, count(*)::integer AS all FROM timers',
    );
    return rows[0]?.wanted === rows[0]?.all && rows[0]?.all === (await jobsWaiting(redis));
  };
  await until(isHandedOver);
  const before = { bytes: await bytesOf(admin), memory: await memoryOf(redis) };
  await insertHerd(admin, DISPUTES, `${DAYS} days`);
  const handed = performance.now();
  await until(isHandedOver);
  const handOverS = (performance.now() - handed) / 1_000;
  const open = await bytesOf(admin);
  const memory = await memoryOf(redis);
  say(`${DISPUTES} are open`);
  await admin.query(
    `UPDATE disputes SET respond_by = respond_by - interval '${DAYS} days', opened_at = opened_at - interval '${DAYS} days'
     WHERE order_id LIKE 'herd-%' AND status = 'open'`,
  );
  const cpu = () => [cpuSecondsOf(worker.child.pid ?? 0), cpuSecondsOf(postgresPid)] as const;
  const [cpuBefore, begun] = [cpu(), performance.now()];
  await until(async () => {
    const { rows } = await admin.query(
      `SELECT 1 FROM disputes WHERE status = 'open' AND respond_by <= clock_timestamp() LIMIT 1`,
    );
    return rows.length === 0;
  });
  const [cpuAfter, settleS] = [cpu(), (performance.now() - begun) / 1_000];
  say(`and settled after ${settleS.toFixed(1)} s`);
  await until(isHandedOver);
  return {
    openBytes: (open - before.bytes) / DISPUTES,
    // With the room that the updates have left in the tables.
    resolvedBytes: ((await bytesOf(admin)) - before.bytes) / DISPUTES,
    redisBytes: (memory - before.memory) / DISPUTES,
    handOverPerSecond: DISPUTES / handOverS,
    settledPerSecond: DISPUTES / settleS,
    workerMs: ((cpuAfter[0] - cpuBefore[0]) * 1_000) / DISPUTES,
    postgresMs: ((cpuAfter[1] - cpuBefore[1]) * 1_000) / DISPUTES,
  };
}

const ms = (value: number) => value.toFixed(2);

function describe(machine: string, rates: readonly Rate[], costs: Costs): string {
  const table = rates.map(
    ({ what, perSecond, apiMs, postgresMs, p50, p99 }) =>
      `| ${what} | ${Math.round(perSecond)} | ${ms(apiMs)} ms | ${ms(postgresMs)} ms | ${p50.toFixed(1)} ms | ${p99.toFixed(1)} ms |`,
  );
  return [
    `${new Date().toISOString().slice(0, 10)}; ${machine}. One api and one worker, ${CONNECTIONS} connections, ${SECONDS} s each, with the load generator on the same cores.`,
    '',
    '| what | a second | core time of the api | of PostgreSQL | p50 | p99 |',
    '|---|---|---|---|---|---|',
    ...table,
    '',
    `| ${DISPUTES.toLocaleString('en')} disputes | |`,
    '|---|---|',
    `| handed over to Redis | ${Math.round(costs.handOverPerSecond)} a second |`,
    `| settled, all due at once | ${Math.round(costs.settledPerSecond)} a second; core time of the worker ${ms(costs.workerMs)} ms each, of PostgreSQL ${ms(costs.postgresMs)} ms |`,
    `| PostgreSQL, for an open one with its order, log and timer | ${Math.round(costs.openBytes)} bytes |`,
    `| PostgreSQL, for a resolved one with its order and log | ${Math.round(costs.resolvedBytes)} bytes |`,
    `| Redis, for a waiting deadline | ${Math.round(costs.redisBytes)} bytes |`,
  ].join('\n');
}

const undo: Undo = [];
try {
  const { home, directory, postgres, redisUrl } = await startServers('scale', undo);
  await migrate(postgres.url, join(directory, 'migrations'));
  const redis = new Redis(redisUrl);
  undo.push(async () => redis.disconnect());
  const surroundings = { directory, databaseUrl: postgres.url, redisUrl };
  const { create } = createInstances(surroundings, { WINDOW_CANCELLATION: 'PT48H', REMINDERS: 'none' });
  const instances = [await create('api', 1), await create('worker', 1)] as const;
  for (const instance of instances) {
    undo.push(async () => {
      await end(instance, 'SIGKILL');
      await instance.redis.close();
    });
  }
  const [api, worker] = instances;
  const postgresPid = Number(readFileSync(join(home, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
  const stage = { admin: postgres.pool, api, worker, postgresPid, redis };
  const rates = await measureApi(stage);
  const costs = await measureCosts(stage);
  const { rows } = await postgres.pool.query<{ version: string }>('SHOW server_version');
  const text = describe(describeMachine(rows[0]?.version), rates, costs);
  process.stdout.write(`${text}\n`);
  if (options['write-docs']) putBetweenMarkers('scale.md', 'measured', `${text}\n`);
} finally {
  for (const step of undo.reverse()) await step();
}
