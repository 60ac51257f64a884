import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { flag, readOptions, text } from '../../harness/run/options.ts';
import { putBetweenMarkers, textBetweenMarkers } from '../../harness/stage/docs.ts';
import { faultsOf } from './judge.ts';
import { type Observation, observe } from './observe.ts';
import { POSTGRES_ROWS } from './postgres-rows.ts';
import { REDIS_ROWS } from './redis-rows.ts';
import type { Row } from './row.ts';

// Rows that were not run, or that have a fault, stay in the docs as they are.

const options = readOptions('test:managed', 'Runs the service on PostgreSQL and Redis as hosts of them set them up.', {
  only: text('TEXT', 'only the settings with this in their names'),
  'write-docs': flag('put the table into docs/managed-servers.md'),
});

const HEAD = [
  '| setting | `/readyz` | deadlines late by | core used | log lines a minute | said in the log |',
  '|---|---|---|---|---|---|',
];

function lineOf(name: string, { status, reason, lateMs, cpuPercent, linesAMinute, told }: Observation): string {
  const ready = reason === '' ? status : `${status}: ${reason}`;
  const late = lateMs === null ? '–' : `${lateMs} ms`;
  return `| ${name} | ${ready} | ${late} | ${cpuPercent} % | ${linesAMinute} | ${told.replaceAll('|', '\\|').replaceAll(/_[0-9a-f]{12,16}\b/g, '_…')} |`;
}

/** The line of each row in the docs, by its name. */
function linesInDocs(place: string): Map<string, string> {
  const lines = textBetweenMarkers('managed-servers.md', place).split('\n');
  return new Map(lines.map((line) => [/^\| (.*?) \| /.exec(line)?.[1] ?? '', line]));
}

/** Runs a row; one that cannot be run to its end is a fault, and the others go on. */
async function runRow(row: Row): Promise<{ line: string | null; faults: readonly string[] }> {
  try {
    const seen = await observe(await row.setUp());
    return { line: lineOf(row.name, seen), faults: faultsOf(row, seen) };
  } catch (error) {
    return { line: null, faults: [String(error)] };
  } finally {
    await runCleanups();
  }
}

async function runTable(place: string, rows: readonly Row[]): Promise<string[]> {
  const lines = linesInDocs(place);
  const faults: string[] = [];
  for (const row of rows.filter(({ name }) => name.includes(options.only))) {
    const done = await runRow(row);
    faults.push(...done.faults.map((fault) => `${row.name}: ${fault}`));
    console.log(done.line ?? `| ${row.name} | not run to its end |`);
    for (const fault of done.faults) console.log(`FAULT ${row.name}: ${fault}`);
    if (done.line !== null && done.faults.length === 0) lines.set(row.name, done.line);
    if (!options['write-docs']) continue;
    const table = [...HEAD, ...rows.flatMap(({ name }) => lines.get(name) ?? [])];
    putBetweenMarkers('managed-servers.md', place, `${table.join('\n')}\n`);
  }
  return faults;
}

await setUp();
const faults: string[] = [];
for (const [place, rows] of Object.entries({ redis: REDIS_ROWS, postgres: POSTGRES_ROWS })) {
  faults.push(...(await runTable(place, rows)));
}
console.log(`${faults.length} faults`);
await globalThis.testRun?.stop();
process.exit(faults.length === 0 ? 0 : 1);
