import { parseArgs } from 'node:util';
import { runCleanups } from '../harness/cleanup.ts';
import setUp from '../harness/global-setup.ts';
import { type Figures, runHang, runPromptness } from './runs.ts';

// npm run test:webhooks -- [--scenario promptness|hang] [--seconds 60] [--rate 100] [--rounds 5]

const PROMPT_P99_MS = 1_000;
const SLOWER_AT_MOST = 1.1;

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'promptness' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    rounds: { type: 'string', default: '5' },
  },
});

const describe = ({ count, p50, p99 }: Figures) =>
  `p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms (${count} events)`;

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

await setUp();
const held = await run();
await runCleanups();
await globalThis.testRun?.stop();
process.exit(held ? 0 : 1);
