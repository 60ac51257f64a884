import { parseArgs } from 'node:util';
import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/global-setup.ts';
import { putBetweenMarkers } from '../faults/docs.ts';
import { faultsOf } from './judge.ts';
import { type Observation, observe } from './observe.ts';
import { POSTGRES_ROWS } from './postgres-rows.ts';
import { REDIS_ROWS } from './redis-rows.ts';
import type { Row } from './row.ts';

// npm run test:managed -- [--only TEXT] [--write-docs]

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, 'write-docs': { type: 'boolean', default: false } },
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

async function runTable(rows: readonly Row[]): Promise<{ lines: string[]; faults: string[] }> {
  const [lines, faults]: [string[], string[]] = [[], []];
  for (const row of rows.filter(({ name }) => name.includes(values.only))) {
    const seen = await observe(await row.setUp());
    const line = lineOf(row.name, seen);
    lines.push(line);
    faults.push(...faultsOf(row, seen).map((fault) => `${row.name}: ${fault}`));
    console.log(line);
    await runCleanups();
  }
  return { lines, faults };
}

await setUp();
const faults: string[] = [];
for (const [place, rows] of Object.entries({ redis: REDIS_ROWS, postgres: POSTGRES_ROWS })) {
  const table = await runTable(rows);
  faults.push(...table.faults);
  if (values['write-docs']) putBetweenMarkers('managed-servers.md', place, `${[...HEAD, ...table.lines].join('\n')}\n`);
}
for (const fault of faults) console.log(`FAULT ${fault}`);
await globalThis.testRun?.stop();
process.exit(faults.length === 0 ? 0 : 1);
