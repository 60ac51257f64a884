import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { mintToken } from '../../../src/dev/development.ts';
import { SECRET } from '../../harness/stage/instances.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { callFor } from '../calls.ts';
import { acceptCall, openCall } from '../measure/commands.ts';
import { CLIENT, FREELANCER, rowsNamed, seedOpen, seedOrders, settleDown } from '../seed.ts';
import type { BenchStage } from '../stage.ts';
import { flameGraphOf, type Profile, partsOf } from './flame.ts';
import { inSources } from './sources.ts';

/** A hot path from inside: where the api's time goes, and what it asks of PostgreSQL. */
export interface HotPath {
  readonly name: 'open' | 'accept';
  /** A flame graph, as an SVG. */
  readonly flameGraph: string;
  /** The parts that take the most time, as a table. */
  readonly parts: string;
  /** Its statements as pg_stat_statements sees them, as a table. */
  readonly statements: string;
}

const CALLS = 10_000;
const CONNECTIONS = 32;
const WARM_UP_MS = 4_000;
const PROFILED_MS = 6_000;
const COUNTED_MS = 3_000;
const FAR = `date_trunc('milliseconds', clock_timestamp()) + interval '2 days'`;
const LEAST_PERCENT = 2;
const MOST_LETTERS = 90;

async function track(admin: Pool, what: 'none' | 'all'): Promise<void> {
  await admin.query(`ALTER SYSTEM SET pg_stat_statements.track = '${what}'`);
  await admin.query('SELECT pg_reload_conf()');
  await admin.query('SELECT pg_stat_statements_reset()');
}

interface Counted {
  readonly query: string;
  readonly calls: number;
  readonly ms: number;
  readonly wal: number;
}

async function statementsSeen(admin: Pool): Promise<string> {
  const { rows } = await admin.query<Counted>(
    `SELECT regexp_replace(query, '\\s+', ' ', 'g') AS query, calls::integer, mean_exec_time AS ms,
       (wal_bytes / greatest(calls, 1))::float8 AS wal
     FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid
     WHERE d.datname = current_database() AND query !~ 'pg_stat_statements|pg_reload_conf' AND calls > 100
     ORDER BY total_exec_time DESC LIMIT 16`,
  );
  const commands = Math.max(...rows.filter(({ query }) => query.startsWith('BEGIN')).map(({ calls }) => calls), 1);
  const lines = rows.map(({ query, calls, ms, wal }) => {
    const text = query.length > MOST_LETTERS ? `${query.slice(0, MOST_LETTERS)} …` : query;
    return `| \`${text.replaceAll('|', '\\|')}\` | ${(calls / commands).toFixed(1)} | ${ms.toFixed(3)} ms | ${Math.round(wal)} |`;
  });
  return ['| statement | for each command | mean | bytes of WAL |', '|---|---|---|---|', ...lines].join('\n');
}

function partsTable(profile: Profile): string {
  const lines = partsOf(profile)
    .filter(({ percent }) => percent >= LEAST_PERCENT)
    .map(({ part, percent }) => `| ${part} | ${percent.toFixed(1)} % |`);
  return ['| part | of the time that the api was busy |', '|---|---|', ...lines].join('\n');
}

async function lookInto(stage: BenchStage, name: HotPath['name']): Promise<HotPath> {
  const database = await stage.newDatabase();
  const { admin } = database;
  await admin.query('CREATE EXTENSION pg_stat_statements');
  const rows = rowsNamed('hot-', CALLS);
  await (name === 'open' ? seedOrders(admin, rows) : seedOpen(admin, rows, FAR));
  await settleDown(admin);
  const { rows: found } = await admin.query<{ id: string }>(
    name === 'open' ? 'SELECT id FROM orders' : 'SELECT id FROM disputes',
  );
  const token = await mintToken(SECRET, { sub: name === 'open' ? CLIENT : FREELANCER });
  let used = 0;
  const next = () => {
    const id = found[used]?.id;
    used += 1;
    if (id === undefined) throw new Error('there were not enough rows');
    return name === 'open' ? openCall(token, id) : acceptCall(token, id);
  };
  const file = join(stage.home, `${name}.cpuprofile`);
  const profiler = join(import.meta.dirname, 'profiler.mjs');
  const env = { NODE_OPTIONS: `--import=${profiler}`, PROFILE_FILE: file, PROFILE_MS: String(PROFILED_MS - 1_000) };
  const { instance, stop } = await stage.start(database, 'api', env);
  const onCounting = (isCounting: boolean) => void (isCounting && instance.child.kill('SIGWINCH'));
  const options = { connections: CONNECTIONS, warmUpMs: WARM_UP_MS };
  await callFor(instance.url, next, { ...options, forMs: PROFILED_MS, onCounting });
  await waitFor('the profile is written', () => existsSync(file), 30_000);
  const profile = inSources(JSON.parse(readFileSync(file, 'utf8')) as Profile);
  await track(admin, 'all');
  await callFor(instance.url, next, { connections: 1, warmUpMs: 0, forMs: COUNTED_MS });
  const statements = await statementsSeen(admin);
  await track(admin, 'none');
  await stop();
  await database.drop();
  const title = `The api's time while ${CONNECTIONS} connections ${name} disputes`;
  return { name, flameGraph: flameGraphOf(title, profile), parts: partsTable(profile), statements };
}

/** Looks into the two hot paths. */
export async function lookIntoHotPaths(stage: BenchStage): Promise<HotPath[]> {
  return [await lookInto(stage, 'open'), await lookInto(stage, 'accept')];
}
