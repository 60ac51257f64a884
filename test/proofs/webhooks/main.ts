import fc from 'fast-check';
import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { number, oneOf, readOptions } from '../../harness/run/options.ts';
import { histories, runToTheEnd } from './model/histories.ts';
import { type Figures, runHang, runPromptness } from './runs.ts';

const PROMPT_P99_MS = 1_000;
const SLOWER_AT_MOST = 1.1;

const options = readOptions('test:webhooks', 'How promptly webhooks leave, and the rules of their delivery.', {
  scenario: oneOf(['promptness', 'hang', 'model'], 'what is run'),
  seconds: number(undefined, 'how long each round takes; 60, beside a receiver that hangs 10'),
  rate: number(undefined, 'events a second; 100, beside a receiver that hangs 40'),
  rounds: number(5, 'how many, with and without the receiver that hangs'),
  histories: number(100_000, 'how many random histories the model runs'),
  seed: number(undefined, 'the seed of these histories; chosen by chance if it is not given'),
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

/** What needs PostgreSQL and Redis. */
async function runAgainstServers(): Promise<boolean> {
  if (options.scenario === 'promptness') {
    const rate = options.rate ?? 100;
    const figures = await runPromptness(options.seconds ?? 60, rate);
    console.log(`from an event to its first attempt, at ${rate} events a second: ${describe(figures)}`);
    return figures.p99 <= PROMPT_P99_MS;
  }
  const rate = options.rate ?? 40;
  const { without, beside } = await runHang(options.rounds, options.seconds ?? 10, rate);
  console.log(`three receivers, ${rate} events a second: ${describe(without)}`);
  console.log(`the same beside one that never answers:   ${describe(beside)}`);
  const ratio = beside.p99 / without.p99;
  console.log(`p99 beside / without: ${ratio.toFixed(3)}`);
  return ratio <= SLOWER_AT_MOST;
}

if (options.scenario === 'model') {
  process.exit(runModel(options.histories, options.seed ?? Date.now() % 2 ** 31) ? 0 : 1);
}
await setUp();
const held = await runAgainstServers();
await runCleanups();
await globalThis.testRun?.stop();
process.exit(held ? 0 : 1);
