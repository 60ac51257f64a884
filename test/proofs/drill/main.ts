import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { flag, readOptions, text } from '../../harness/run/options.ts';
import { putBetweenMarkers } from '../../harness/stage/docs.ts';
import { describeMachine } from '../../harness/stage/machine.ts';
import { hasProgram } from '../../harness/stage/programs.ts';
import { type Result, runDrill } from './drill.ts';
import { INCIDENTS } from './incidents.ts';

const options = readOptions(
  'drill',
  'Breaks a deployment, waits for its alert and mends it by the page of that alert.',
  {
    only: text('TEXT', 'only the incidents with this in their names'),
    'write-docs': flag('put the table into docs/operate.md'),
  },
);

const HEAD = [
  '| incident | alert | fires after | other alerts | from break to well | what ended it | cancelled by silence | of these wrongly |',
  '|---|---|---|---|---|---|---|---|',
];

const rowOf = ({
  name,
  alert,
  firesAfter,
  others,
  brokenSeconds,
  mendedBy,
  cancelled,
  lateMs,
  wrong,
}: Result): string => {
  const late = cancelled === 0 ? '0' : `${cancelled}, at most ${Math.round(lateMs)} ms late`;
  const other = others.map((one) => `\`${one}\``).join(', ') || '–';
  return `| ${name} | \`${alert}\` | ${firesAfter} s | ${other} | ${brokenSeconds} s | ${mendedBy} | ${late} | ${wrong.length} |`;
};

const lacking = ['promtool', 'redis-server'].filter((name) => !hasProgram(name));
if (lacking.length > 0) {
  console.error(`not on the PATH: ${lacking.join(', ')}; Debian has them in the packages prometheus and redis-server`);
  process.exit(2);
}
const incidents = INCIDENTS.filter(({ name }) => name.includes(options.only));
if (incidents.length === 0) throw new Error(`no incident has ${options.only} in its name`);
const begun = performance.now();
await setUp();
let results: Result[];
try {
  results = await runDrill({ incidents, windowSeconds: 20, say: console.log });
} finally {
  await runCleanups();
  await globalThis.testRun?.stop();
}
const took = `${new Date().toISOString().slice(0, 10)}, ${Math.round((performance.now() - begun) / 1_000)} s in all, on ${describeMachine()}.`;
const table = [...HEAD, ...results.map(rowOf), '', took].join('\n');
console.log(`\n${table}`);
const faults = results.flatMap(({ faults }) => faults);
if (options['write-docs'] && faults.length === 0 && incidents.length === INCIDENTS.length) {
  putBetweenMarkers('operate.md', 'drill', `${table}\n`);
}
process.exit(faults.length === 0 ? 0 : 1);
