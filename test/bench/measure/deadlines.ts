import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundle } from '../../harness/run/build.ts';
import { isAnyOpen } from '../../harness/stage/herd.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { quantile } from '../calls.ts';
import type { BenchOptions } from '../options.ts';
import { jobsWaiting } from '../redis.ts';
import { median, type Row } from '../row.ts';
import { rowsNamed, seedOpen, settleDown } from '../seed.ts';
import type { BenchDatabase, BenchStage } from '../stage.ts';

const RIVALS = join(import.meta.dirname, '../rivals');
const NAMES = ['bullmq', 'pg-boss', 'graphile-worker'] as const;
type Rival = (typeof NAMES)[number];

/** Jobs at a time, each with a connection: more gain nothing on a few cores. */
const CONCURRENCY = 24;
const LONGEST_MS = 1_800_000;

/** Installs what is measured against, with the Node that its newest versions want, and builds the transition for it. */
async function installRivals({ directory }: BenchStage): Promise<void> {
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: RIVALS, stdio: 'inherit' });
  await bundle(join(directory, 'rivals'), 'src/platform/postgres/database.ts', 'src/application/apply-due.ts');
}

async function startRival(stage: BenchStage, database: BenchDatabase, rival: Rival): Promise<ChildProcess> {
  const child = spawn(join(RIVALS, 'node_modules/node/bin/node'), [join(RIVALS, `${rival}.mjs`)], {
    env: {
      PATH: process.env['PATH'] ?? '',
      SERVICE: stage.directory,
      DATABASE_URL: database.url,
      REDIS_URL: stage.redisUrl,
      CONCURRENCY: String(CONCURRENCY),
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
  if (message !== 'ready') throw new Error(`${rival} ended instead of getting ready`);
  return child;
}

async function stopRival(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** How long it may take to get everything ready for so many deadlines, in milliseconds. */
const leadMsOf = (count: number): number => 10_000 + count;

/** Starts what takes the deadlines, ready for them; the function that it gives stops it. */
type Taker = (stage: BenchStage, database: BenchDatabase, count: number) => Promise<() => Promise<void>>;

const rivalTaker =
  (rival: Rival): Taker =>
  async (stage, database) => {
    const child = await startRival(stage, database, rival);
    return () => stopRival(child);
  };

const ourTaker: Taker = async (stage, database, count) => {
  const { stop } = await stage.start(database, 'worker');
  const handedOver = async () => (await jobsWaiting(stage.redis)) === count;
  await waitFor('its jobs wait in Redis', handedOver, leadMsOf(count));
  return stop;
};

/** Lets so many deadlines fall due in one instant, and says how many took effect in a second from then on. */
async function settledPerSecond(stage: BenchStage, count: number, take: Taker): Promise<number> {
  const database = await stage.newDatabase();
  const { admin } = database;
  const leadMs = leadMsOf(count);
  const dueAt = Date.now() + leadMs;
  await seedOpen(admin, rowsNamed('bench-herd-', count), `to_timestamp(${dueAt / 1_000}::float8)`);
  await settleDown(admin);
  const stop = await take(stage, database, count);
  if (Date.now() > dueAt - 1_000) throw new Error(`not ready in ${leadMs} ms`);
  await sleep(dueAt - Date.now());
  await waitFor('all took effect', async () => !(await isAnyOpen(admin)), LONGEST_MS);
  const seconds = (Date.now() - dueAt) / 1_000;
  await stop();
  await database.drop();
  return count / seconds;
}

const say = (text: string) => void process.stderr.write(`${text}\n`);

/** Deadlines that fall due together, beside one job per deadline in what people would use instead. */
export async function measureHerd(stage: BenchStage, { rounds, herd }: BenchOptions): Promise<Row[]> {
  await installRivals(stage);
  const takers: [string, Taker][] = [
    ['ours', ourTaker],
    ...NAMES.map((name): [string, Taker] => [name, rivalTaker(name)]),
  ];
  const rates = new Map<string, number[]>(takers.map(([name]) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const [name, take] of round % 2 === 0 ? takers.toReversed() : takers) {
      const rate = await settledPerSecond(stage, herd, take);
      say(`  round ${round}: ${name} ${Math.round(rate)}/s`);
      rates.get(name)?.push(rate);
    }
  }
  const ratesOf = (name: string) => rates.get(name) ?? [];
  const best = NAMES.toSorted((one, other) => median(ratesOf(other)) - median(ratesOf(one)))[0] ?? 'bullmq';
  return [
    {
      name: 'herd',
      what: `${herd.toLocaleString('en')} deadlines falling due together`,
      against: `the best of one job per deadline in ${NAMES.join(', ')}: ${best}`,
      reach: { atLeast: 12 },
      unit: 'per second',
      ours: ratesOf('ours'),
      theirs: ratesOf(best),
      more: Object.fromEntries(NAMES.map((name) => [`${name}, per second`, Math.round(median(ratesOf(name)))])),
    },
  ];
}

const PER_SECOND = 100;

/** Lets a hundred fall due in each second, for a while, and says how late each took effect, in milliseconds. */
async function latenessOf(stage: BenchStage, seconds: number, take: Taker): Promise<number[]> {
  const database = await stage.newDatabase();
  const { admin } = database;
  const count = PER_SECOND * seconds;
  const leadMs = leadMsOf(count);
  const from = Date.now() + leadMs;
  const due = `to_timestamp((${from} + s.n * ${1_000 / PER_SECOND})::float8 / 1000)`;
  await seedOpen(admin, rowsNamed('bench-late-', count), due);
  await settleDown(admin);
  const stop = await take(stage, database, count);
  if (Date.now() > from - 1_000) throw new Error(`not ready in ${leadMs} ms`);
  await sleep(from + seconds * 1_000 - Date.now());
  await waitFor('all took effect', async () => !(await isAnyOpen(admin)), LONGEST_MS);
  const { rows } = await admin.query<{ late: number }>(
    `SELECT (extract(epoch from resolved_at - respond_by) * 1000)::float8 AS late FROM disputes ORDER BY late`,
  );
  await stop();
  await database.drop();
  return rows.map(({ late }) => late);
}

/** How late deadlines take effect at a hundred a second, beside BullMQ's own delayed jobs. */
export async function measureLateness(stage: BenchStage, { rounds, seconds }: BenchOptions): Promise<Row[]> {
  await installRivals(stage);
  const ours: number[][] = [];
  const theirs: number[][] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const parts = [
      async () => ours.push(await latenessOf(stage, 2 * seconds, ourTaker)),
      async () => theirs.push(await latenessOf(stage, 2 * seconds, rivalTaker('bullmq'))),
    ];
    for (const part of round % 2 === 0 ? parts.toReversed() : parts) await part();
  }
  return (
    [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const
  ).map(([name, q]) => ({
    name: `lateness-${name}`,
    what: `lateness of a deadline at ${PER_SECOND} a second, ${name}`,
    against: "a plain BullMQ worker's delayed job, with the same transition",
    reach: { atMost: 1 },
    unit: 'ms',
    ours: ours.map((late) => quantile(late, q)),
    theirs: theirs.map((late) => quantile(late, q)),
  }));
}
