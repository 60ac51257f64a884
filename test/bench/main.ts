import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flag, number, readOptions, text } from '../harness/run/options.ts';
import { putBetweenMarkers } from '../harness/stage/docs.ts';
import { describeMachine } from '../harness/stage/machine.ts';
import { hasProgram } from '../harness/stage/programs.ts';
import { measureBytes } from './measure/bytes.ts';
import { measureAnswer, measureOpen } from './measure/commands.ts';
import { measureHerd, measureLateness } from './measure/deadlines.ts';
import { measureFlood } from './measure/flood.ts';
import { measureGrowth } from './measure/growth.ts';
import { measureAlone, measureLean } from './measure/lean.ts';
import { measureLoopDelay } from './measure/loop-delay.ts';
import { measureReads } from './measure/reads.ts';
import { measureStart } from './measure/start-time.ts';
import { type BenchOptions, QUICK, WHOLE } from './options.ts';
import { type HotPath, lookIntoHotPaths } from './profile/profiles.ts';
import { plotOf, tableOf } from './report.ts';
import type { Row } from './row.ts';
import { type BenchStage, onStage } from './stage.ts';

const MEASUREMENTS: Readonly<Record<string, (stage: BenchStage, options: BenchOptions) => Promise<Row[]>>> = {
  open: measureOpen,
  answer: measureAnswer,
  lean: measureLean,
  alone: measureAlone,
  reads: measureReads,
  'loop-delay': measureLoopDelay,
  herd: measureHerd,
  lateness: measureLateness,
  bytes: measureBytes,
  start: measureStart,
  growth: measureGrowth,
  flood: measureFlood,
};

const given = readOptions('bench', 'Measures the service beside other ways to do the same, side by side.', {
  quick: flag('one short round of each, to see that it works'),
  only: text('A,B', `only these: ${Object.keys(MEASUREMENTS).join(', ')}`),
  rounds: number(undefined, `how many rounds; ${WHOLE.rounds}`),
  seconds: number(undefined, `how long each side of a round takes; ${WHOLE.seconds}`),
  herd: number(undefined, `how many deadlines fall due together; ${WHOLE.herd}`),
  flood: number(undefined, `how many fall due within a minute; ${WHOLE.flood}`),
  large: number(undefined, `how many disputes are open in the large database; ${WHOLE.large}`),
  profile: flag('profile the two hot paths instead'),
  'write-docs': flag('put the figures into docs/bench.md'),
});

const base = given.quick ? QUICK : WHOLE;
const options: BenchOptions = {
  rounds: given.rounds ?? base.rounds,
  seconds: given.seconds ?? base.seconds,
  herd: given.herd ?? base.herd,
  flood: given.flood ?? base.flood,
  large: given.large ?? base.large,
};
const names = given.only === '' ? Object.keys(MEASUREMENTS) : given.only.split(',');
const unknown = names.find((name) => MEASUREMENTS[name] === undefined);
if (unknown !== undefined) {
  console.error(`there is no measurement ${unknown}: ${Object.keys(MEASUREMENTS).join(', ')}`);
  process.exit(2);
}
const lacking = ['pgbench', 'redis-server'].filter((name) => !hasProgram(name));
if (lacking.length > 0) {
  console.error(`${lacking.join(' and ')} must be on the PATH (Debian: apt-get install postgresql redis-server)`);
  process.exit(2);
}

/** What is measured together, and how: what another run has measured before stays as it is. */
interface Result {
  readonly date: string;
  readonly machine: string;
  readonly options: BenchOptions;
  readonly rows: readonly Row[];
}

const DOCS = join(import.meta.dirname, '../../docs/bench');
const FILE = join(DOCS, 'results.json');

function earlier(): Record<string, Result> {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, Result>;
  } catch {
    return {};
  }
}

function writeDocs(results: Readonly<Record<string, Result>>): void {
  mkdirSync(DOCS, { recursive: true });
  const all = { ...earlier(), ...results };
  const known = Object.keys(MEASUREMENTS).flatMap((name) =>
    all[name] === undefined ? [] : [[name, all[name]] as const],
  );
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`);
  const rows = known.flatMap(([, result]) => result.rows);
  const plots: [string, string, Row[]][] = [
    ['rates', 'In a second', rows.filter(({ unit }) => unit === 'per second')],
    ['times', 'Milliseconds', rows.filter(({ unit, name }) => unit === 'ms' && name !== 'start')],
  ];
  for (const [file, title, some] of plots) {
    if (some.length > 0) writeFileSync(join(DOCS, `${file}.svg`), plotOf(title, some));
  }
  const runs = known.map(
    ([
      name,
      {
        date,
        machine,
        options: { rounds, seconds },
      },
    ]) => {
      return `- ${name}: ${date}, ${rounds} rounds of ${seconds} s; ${machine}`;
    },
  );
  putBetweenMarkers('bench.md', 'table', `${tableOf(rows)}\n\nMeasured:\n\n${runs.join('\n')}\n`);
}

function writeProfiles(paths: readonly HotPath[]): string {
  const text = paths
    .map(
      ({ name, parts, statements }) =>
        `### ${name}\n\n![flame graph](bench/${name}.svg)\n\n${parts}\n\n${statements}\n`,
    )
    .join('\n');
  if (given['write-docs']) {
    for (const { name, flameGraph } of paths) writeFileSync(join(DOCS, `${name}.svg`), flameGraph);
    putBetweenMarkers('bench.md', 'profiles', `${text}\n`);
  }
  return text;
}

async function measure(stage: BenchStage): Promise<string> {
  const measured: Record<string, Result> = {};
  for (const name of names) {
    process.stderr.write(`${name}\n`);
    const rows = (await MEASUREMENTS[name]?.(stage, options)) ?? [];
    const date = new Date().toISOString().slice(0, 10);
    measured[name] = { date, machine: describeMachine(stage.postgresVersion), options, rows };
    process.stderr.write(`${tableOf(rows)}\n`);
    if (given['write-docs']) writeDocs(measured);
  }
  return tableOf(Object.values(measured).flatMap(({ rows }) => rows));
}

const said = await onStage((stage) => (given.profile ? lookIntoHotPaths(stage).then(writeProfiles) : measure(stage)));
process.stdout.write(`${said}\n`);
