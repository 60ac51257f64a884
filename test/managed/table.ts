import { parseArgs } from 'node:util';
import { putBetweenMarkers } from '../faults/docs.ts';
import { runCleanups } from '../harness/cleanup.ts';
import setUp from '../harness/global-setup.ts';
import { faultsOf } from './judge.ts';
import { type Observation, observe } from './observe.ts';
import { REDIS_ROWS, type Row } from './redis-rows.ts';

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
  const late = lateMs === null ? 'never' : `${lateMs} ms`;
  return `| ${name} | ${ready} | ${late} | ${cpuPercent} % | ${linesAMinute} | ${told.replaceAll('|', '\\|')} |`;
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
const { lines, faults } = await runTable(REDIS_ROWS);
if (values['write-docs']) putBetweenMarkers('managed-servers.md', 'redis', `${[...HEAD, ...lines].join('\n')}\n`);
for (const fault of faults) console.log(`FAULT ${fault}`);
await globalThis.testRun?.stop();
process.exit(faults.length === 0 ? 0 : 1);
