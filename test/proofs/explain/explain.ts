import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../../../src/dev/embedded/postgres.ts';
import { migrate } from '../../../src/platform/postgres/migrations.ts';
import { number, readOptions } from '../../harness/run/options.ts';
import { type AccessPath, listings, reads, work } from './paths.ts';
import { explain, type Plan } from './plans.ts';
import { seed } from './seed.ts';

const options = readOptions('explain', 'Shows that no access path reads a table that grows from end to end.', {
  disputes: number(1_000_000, 'how many are in the database'),
});
const DISPUTES = options.disputes;
const MIGRATIONS = join(import.meta.dirname, '../../../migrations');
const RELEASED = `INSERT INTO holds (id, type, note, created_by, since, created_at, released_by, released_at)
  VALUES (gen_random_uuid(), $1, '', 'ops', now() - interval '9 hours', now() - interval '9 hours', $2, clock_timestamp() - $3::interval)`;
const HOLDS: readonly [string, readonly unknown[] | null][] = [
  ['without a hold', null],
  ['while all is held', [null, null, null]],
  ['while a type is held', ['cancellation', null, null]],
  ['after a hold of all', [null, 'ops', '1 hour']],
];

const say = (line: string) => console.log(line);

async function look(client: pg.Client, { name, run }: AccessPath): Promise<boolean> {
  const plans = await explain(client, run);
  const worst = plans.toSorted((a, b) => b.ms - a.ms)[0];
  const sequential = [...new Set(plans.flatMap((plan) => plan.sequential))];
  say(line(name, plans, worst, sequential));
  return sequential.length === 0;
}

function line(name: string, plans: readonly Plan[], worst: Plan | undefined, sequential: readonly string[]): string {
  const examined = Math.max(0, ...plans.map((plan) => plan.examined));
  const numbers = `${(worst?.ms ?? 0).toFixed(1).padStart(9)} ms ${String(examined).padStart(8)} rows`;
  const how = sequential.length > 0 ? `SEQ SCAN of ${sequential.join(', ')}` : (worst?.indexes.join(', ') ?? '');
  return `${name.padEnd(62)} ${numbers}  ${how}`;
}

async function main(client: pg.Client): Promise<number> {
  say(`${DISPUTES.toLocaleString('en')} disputes are put into a database of their own …`);
  await seed(client, DISPUTES, say);
  const now = Date.now();
  let bad = 0;
  for (const path of [...listings(now), ...reads(now)]) bad += (await look(client, path)) ? 0 : 1;
  for (const [name, hold] of HOLDS) {
    say(`\n${name}:`);
    if (hold !== null) await client.query(RELEASED, [...hold]);
    for (const path of work(now)) bad += (await look(client, path)) ? 0 : 1;
    await client.query('DELETE FROM holds');
  }
  say(bad === 0 ? '\nNo table is read from end to end.' : `\n${bad} access paths read a table from end to end.`);
  return bad;
}

const home = await mkdtemp(join(tmpdir(), 'resolution-center-explain-'));
const postgres = await startPostgres({ dataDir: home, durable: false, say });
const client = new pg.Client({ connectionString: postgres.url });
client.on('error', () => {}); // what fails is also raised by the query that it fails
try {
  await migrate(postgres.url, MIGRATIONS);
  await client.connect();
  process.exitCode = (await main(client)) === 0 ? 0 : 1;
} finally {
  await client.end();
  await postgres.stop();
  await rm(home, { recursive: true, force: true });
}
