import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { createCore } from '../../../src/application/command-queue.ts';
import { startPostgres } from '../../../src/dev/embedded/postgres.ts';
import { type Database, openDatabase, withTx } from '../../../src/platform/postgres/database.ts';
import { MIGRATIONS, migrate } from '../../../src/platform/postgres/migrations.ts';
import { GROUPINGS, summarize } from '../../../src/statistics/counts.ts';
import { readStatistics, rollUp } from '../../../src/statistics/rollup.ts';
import { freeze, readCells, readStanding } from '../../../src/statistics/store.ts';
import { number, readOptions } from '../../harness/run/options.ts';
import { seedHistory } from '../../statistics/seed.ts';

const options = readOptions('measure:statistics', 'Measures what statistics cost, in a database of their own.', {
  disputes: number(1_000_000, 'how many are in it'),
  days: number(1_095, 'over how many days they were opened'),
});
const DISPUTES = options.disputes;
const DAYS = options.days;
const DAY = 86_400_000;
const RUNS = 7;

const say = (line: string) => console.log(line);

/** The median and the worst of some runs, in milliseconds. */
async function timesOf(work: () => unknown): Promise<string> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const begun = performance.now();
    await work();
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  return `${times[RUNS >> 1]?.toFixed(0).padStart(6)} ms (at worst ${times.at(-1)?.toFixed(0)})`;
}

async function sizeOf(client: pg.Client, what: string): Promise<string> {
  const { rows } = await client.query<{ size: string }>(`SELECT pg_size_pretty(${what}) AS size`);
  return rows[0]?.size ?? '';
}

async function fold(client: pg.Client, db: Database): Promise<void> {
  const begun = performance.now();
  while ((await rollUp({ db, log: null }, 10)) === 'more');
  const seconds = (performance.now() - begun) / 1_000;
  await client.query('VACUUM ANALYZE dispute_statistics');
  const { rows } = await client.query<{ entries: number; rows: number }>(
    `SELECT (SELECT seq::integer FROM statistics_position) AS entries, count(*)::integer AS rows FROM dispute_statistics`,
  );
  const { entries = 0, rows: cells = 0 } = rows[0] ?? {};
  say(`folding ${entries} entries of the log: ${seconds.toFixed(1)} s, ${Math.round(entries / seconds)} entries/s`);
  say(`the rollup: ${cells} rows, ${await sizeOf(client, `pg_total_relation_size('dispute_statistics')`)}`);
  say(`the disputes: ${await sizeOf(client, `pg_total_relation_size('disputes')`)}`);
}

async function read(db: Database, days: number): Promise<void> {
  // Not on a day's border, so that both ends are counted one by one.
  const to = Date.now() - 3 * 3_600_000;
  const span = { from: to - days * DAY, to };
  const deps = createCore({ db, newId: uuidv7, onCommitted: () => {} });
  const cells = () =>
    withTx(db, async (tx) => {
      await freeze(tx);
      return await readCells(tx, span, await readStanding(tx, 1));
    });
  const found = await cells();
  const { opened, responses } = (await summarize(found, 'type', immediate)).total;
  say(`\n${days} days: ${opened} disputes, ${responses} of them answered, in ${found.length} cells`);
  say(`  ${'the database'.padEnd(24)} ${await timesOf(cells)}`);
  say(`  ${'percentiles, in process'.padEnd(24)} ${await timesOf(() => summarize(found, 'reason', immediate))}`);
  for (const groupBy of GROUPINGS) {
    say(`  ${`by ${groupBy}, in all`.padEnd(24)} ${await timesOf(() => readStatistics(deps, span, groupBy))}`);
  }
  const scan = `SELECT type, resolution, count(*), percentile_disc(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY resolved_at - opened_at)
    FROM disputes WHERE opened_at >= $1 AND opened_at < $2 GROUP BY GROUPING SETS ((type, resolution), ())`;
  const bounds = [new Date(span.from), new Date(span.to)];
  const client = await db.pool.connect();
  try {
    const query = { text: scan, values: bounds, query_timeout: 60_000 };
    say(`  ${'for comparison: a scan'.padEnd(24)} ${await timesOf(() => client.query(query))}`);
  } finally {
    client.release();
  }
}

const home = await mkdtemp(join(tmpdir(), 'resolution-center-statistics-'));
const postgres = await startPostgres({ dataDir: home, durable: false, say });
const client = new pg.Client({ connectionString: postgres.url });
client.on('error', () => {}); // what fails is also raised by the query that it fails
const db = openDatabase({ url: postgres.url, poolSize: 4, applicationName: 'measure', onError: () => {} });
try {
  await migrate(postgres.url, MIGRATIONS);
  await client.connect();
  say(`${DISPUTES} disputes of ${DAYS} days are put into a database of their own …`);
  await seedHistory(client, DISPUTES, DAYS, say);
  await fold(client, db);
  for (const days of [30, Math.min(366, DAYS)]) await read(db, days);
} finally {
  await Promise.all([client.end(), db.pool.end()]);
  await postgres.stop();
  await rm(home, { recursive: true, force: true });
}
