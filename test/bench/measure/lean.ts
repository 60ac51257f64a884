import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mintToken } from '../../../src/dev/development.ts';
import { SECRET } from '../../harness/stage/instances.ts';
import { type Call, type Called, callFor, quantile } from '../calls.ts';
import type { BenchOptions } from '../options.ts';
import { runPgbench } from '../pgbench.ts';
import { processorMs, processorMsOfGroup } from '../processor.ts';
import { alternate, median, type Row } from '../row.ts';
import { CLIENT, FREELANCER, rowsNamed, seedOpen, seedOrders, settleDown } from '../seed.ts';
import type { BenchDatabase, BenchStage } from '../stage.ts';
import { acceptCall, openCall } from './commands.ts';

const CONNECTIONS = 32;
const WARM_UP_MS = 2_000;
/** More than the service does in a second. */
const MOST_PER_SECOND = 4_000;
/** More than the fastest of pgbench's clients would do in a second if all were as fast. */
const MOST_LEAN_PER_SECOND = 16_000;
/** More than one caller alone does in a second. */
const MOST_ALONE_PER_SECOND = 600;
const LEAN = join(import.meta.dirname, '../lean');
const FAR = `date_trunc('milliseconds', clock_timestamp()) + interval '2 days'`;

type What = 'open' | 'answer' | 'report';
const SUBJECTS: Readonly<Record<What, string>> = {
  open: 'open a dispute',
  answer: 'answer a dispute',
  report: 'report a known order',
};

/** The call of the order service that changes the status of an order that it has reported before. */
const reportCall = (token: string, orderId: string): Call => ({
  method: 'PUT',
  path: `/v1/orders/${orderId}`,
  token,
  body: {
    clientId: CLIENT,
    freelancerId: FREELANCER,
    status: 'late',
    deliverBy: null,
    price: { amount: 15_000, currency: 'USD' },
    revision: 2,
  },
});

/** What is called, each time about another order or dispute of the database. */
async function callsOf(what: What, { admin }: BenchDatabase): Promise<() => Call> {
  const token =
    what === 'report'
      ? await mintToken(SECRET, { sub: 'orders', scope: 'orders:write' })
      : await mintToken(SECRET, { sub: what === 'open' ? CLIENT : FREELANCER });
  const { rows } = await admin.query<{ id: string }>(
    what === 'answer' ? 'SELECT id FROM disputes ORDER BY order_id' : 'SELECT id FROM orders ORDER BY id',
  );
  let used = 0;
  return () => {
    const id = rows[used]?.id;
    used += 1;
    if (id === undefined) throw new Error('there were not enough rows');
    return what === 'open' ? openCall(token, id) : what === 'answer' ? acceptCall(token, id) : reportCall(token, id);
  };
}

/** What one round of ours came to, beside its rate. */
interface Round {
  readonly p50: number;
  readonly p99: number;
  readonly apiMs: number;
  readonly postgresMs: number;
}

const roundOf = ({ tookMs }: Called, apiMs: number, postgresMs: number): Round => ({
  p50: quantile(tookMs, 0.5),
  p99: quantile(tookMs, 0.99),
  apiMs: apiMs / tookMs.length,
  postgresMs: postgresMs / tookMs.length,
});

function figuresOf(rounds: readonly Round[]): Record<string, number> {
  const middle = (pick: (round: Round) => number) => median(rounds.map(pick));
  return {
    'p50, ms': middle(({ p50 }) => p50),
    'p99, ms': middle(({ p99 }) => p99),
    'p99 ÷ p50': middle(({ p50, p99 }) => p99 / p50),
    'core time of the api for each, ms': middle(({ apiMs }) => apiMs),
    'core time of PostgreSQL for each, ms': middle(({ postgresMs }) => postgresMs),
  };
}

/** A database with the lean tables, on the same server. */
async function leanDatabase(stage: BenchStage): Promise<BenchDatabase> {
  const database = await stage.emptyDatabase();
  await database.admin.query(await readFile(join(LEAN, 'schema.sql'), 'utf8'));
  return database;
}

/** Prepares a round of the lean side: empty tables, or for answers enough open disputes. */
async function resetLean({ admin }: BenchDatabase, what: What, seconds: number): Promise<void> {
  await admin.query('SELECT reset_all()');
  if (what === 'answer') await admin.query(`SELECT fill_open($1, '3 days')`, [seconds * MOST_LEAN_PER_SECOND]);
  await settleDown(admin);
}

/** Calls the service, and counts what each call costs the api and PostgreSQL. */
async function callCounting(stage: BenchStage, url: string, pid: number, nextCall: () => Call, how: How) {
  let begun = { api: 0, postgres: 0 };
  let spent = { api: 0, postgres: 0 };
  const now = () => ({ api: processorMs(pid), postgres: processorMsOfGroup(stage.postgresPid) });
  const onCounting = (isCounting: boolean) => {
    if (isCounting) begun = now();
    else spent = { api: now().api - begun.api, postgres: now().postgres - begun.postgres };
  };
  const called = await callFor(url, nextCall, { ...how, warmUpMs: WARM_UP_MS, onCounting });
  return { perSecond: called.perSecond, round: roundOf(called, spent.api, spent.postgres) };
}

interface How {
  readonly connections: number;
  readonly forMs: number;
}

async function measureOne(stage: BenchStage, lean: BenchDatabase, { rounds, seconds }: BenchOptions, what: What) {
  const database = await stage.newDatabase();
  const count = (rounds + 1) * MOST_PER_SECOND * (seconds + WARM_UP_MS / 1_000);
  const seed = what === 'answer' ? seedOpen : seedOrders;
  await seed(database.admin, rowsNamed('bench-lean-', count), FAR);
  const nextCall = await callsOf(what, database);
  const { instance, stop } = await stage.start(database, 'api');
  const pid = instance.child.pid ?? 0;
  const told: Round[] = [];
  const measured = await alternate(
    rounds,
    async () => {
      await settleDown(database.admin);
      const how = { connections: CONNECTIONS, forMs: seconds * 1_000 };
      const { perSecond, round } = await callCounting(stage, instance.url, pid, nextCall, how);
      told.push(round);
      return perSecond;
    },
    async (round) => {
      await resetLean(lean, what, seconds + 1);
      const file = join(LEAN, `${what}.sql`);
      return await runPgbench({ url: lean.url, file, clients: CONNECTIONS, seconds, round, lean: true });
    },
  );
  await stop();
  await database.drop();
  return { ...measured, more: figuresOf(told) };
}

/** Commands over HTTP beside the leanest transactions of their kind, which pgbench sends without any HTTP. */
export async function measureLean(stage: BenchStage, options: BenchOptions): Promise<Row[]> {
  const lean = await leanDatabase(stage);
  const rows: Row[] = [];
  for (const what of ['open', 'answer', 'report'] as const) {
    rows.push({
      name: `lean ${what}`,
      what: `${SUBJECTS[what]} over HTTP, ${CONNECTIONS} connections`,
      against: `pgbench, the leanest transaction, ${CONNECTIONS} clients`,
      reach: { atLeast: 1 },
      unit: 'per second',
      ...(await measureOne(stage, lean, options, what)),
    });
  }
  await lean.drop();
  return rows;
}

/** Opening by one caller alone beside pgbench with one client: how long each takes. */
export async function measureAlone(stage: BenchStage, { rounds, seconds }: BenchOptions): Promise<Row[]> {
  const lean = await leanDatabase(stage);
  const database = await stage.newDatabase();
  const count = (rounds + 1) * MOST_ALONE_PER_SECOND * (seconds + WARM_UP_MS / 1_000);
  await seedOrders(database.admin, rowsNamed('bench-alone-', count));
  const nextCall = await callsOf('open', database);
  const { instance, stop } = await stage.start(database, 'api');
  const measured = await alternate(
    rounds,
    async () => {
      await settleDown(database.admin);
      const how = { connections: 1, forMs: seconds * 1_000 };
      const { round } = await callCounting(stage, instance.url, instance.child.pid ?? 0, nextCall, how);
      return round.p50;
    },
    async (round) => {
      await resetLean(lean, 'open', seconds);
      const file = join(LEAN, 'open.sql');
      return 1_000 / (await runPgbench({ url: lean.url, file, clients: 1, seconds, round, lean: true }));
    },
  );
  await stop();
  await database.drop();
  await lean.drop();
  return [
    {
      name: 'alone',
      what: 'open a dispute over HTTP, one caller alone, p50',
      against: 'pgbench, the leanest transaction, one client, mean',
      reach: null,
      unit: 'ms',
      ...measured,
    },
  ];
}
