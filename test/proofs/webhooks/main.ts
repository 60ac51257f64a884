import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { histories, runToTheEnd } from './model/histories.ts';
import { type Figures, runHang, runPromptness } from './runs.ts';

// npm run test:webhooks -- [--scenario promptness|hang] [--seconds 60] [--rate 100] [--rounds 5]
// npm run test:webhooks -- --scenario model [--histories 100000] [--seed N]

const PROMPT_P99_MS = 1_000;
const SLOWER_AT_MOST = 1.1;

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'promptness' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    histories: { type: 'string', default: '100000' },
    seed: { type: 'string' },
  },
});

const describe = ({ count, p50, p99 }: Figures) =>
  `p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms (${count} events)`;

/** Runs random histories against the rules of deliveries; the first that breaks a promise is shown as short as it can be. */
function runModel(numRuns: number, seed: number): boolean {
  const begun = performance.now();
  const property = fc.property(histories, (history) => {
    runToTheEnd(history);
  });
  const result = fc.check(property, { numRuns, seed });
  const seconds = ((performance.now() - begun) / 1_000).toFixed(0);
  console.log(
    `seed ${seed}: ${result.numRuns} histories in ${seconds} s, ${result.failed ? 'a' : 'no'} promise broken`,
  );
  if (result.failed) console.log(fc.defaultReportMessage(result));
  return !result.failed;
}

async function run(): Promise<boolean> {
  if (values.scenario === 'promptness') {
    const rate = Number(values.rate ?? 100);
    const figures = await runPromptness(Number(values.seconds ?? 60), rate);
    console.log(`from an event to its first attempt, at ${rate} events a second: ${describe(figures)}`);
    return figures.p99 <= PROMPT_P99_MS;
  }
  if (values.scenario === 'hang') {
    const rate = Number(values.rate ?? 40);
    const { without, beside } = await runHang(Number(values.rounds), Number(values.seconds ?? 10), rate);
    console.log(`three receivers, ${rate} events a second: ${describe(without)}`);
    console.log(`the same beside one that never answers:   ${describe(beside)}`);
    const ratio = beside.p99 / without.p99;
    console.log(`p99 beside / without: ${ratio.toFixed(3)}`);
    return ratio <= SLOWER_AT_MOST;
  }
  throw new Error(`there is no scenario ${values.scenario}`);
}

if (values.scenario === 'model') {
  process.exit(runModel(Number(values.histories), Number(values.seed ?? Date.now() % 2 ** 31)) ? 0 : 1);
}
await setUp();
const held = await run();
await runCleanups();
await globalThis.testRun?.stop();
process.exit(held ? 0 : 1);
