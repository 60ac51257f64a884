import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { flag, number, oneOf, readOptions, text } from '../../harness/run/options.ts';
import { writeDocs } from '../../harness/stage/docs.ts';
import { missingPrograms } from '../../harness/stage/programs.ts';
import { breachesOf, describeRuns, faultTable } from './report.ts';
import { type RunResult, runOnce } from './run.ts';
import { runClockSteps } from './scenarios/clock-steps.ts';
import { runRedisGone } from './scenarios/redis-gone.ts';
import { runRolling } from './scenarios/rolling.ts';

/** What two slow cores can carry beside the faults: so many disputes opened a second, milliseconds of rest, and due at once. */
const USUAL = { rate: 34, burst: 1, pauseMs: 2_300, herd: 870 };

const options = readOptions('test:faults', 'Stages faults beside a load, and looks at every deadline.', {
  seed: number(Math.floor(Math.random() * 1_000_000), 'the seed of the first run; chosen by chance if it is not given'),
  seeds: number(1, 'how many runs, with the seeds N, N + 1, …'),
  seconds: number(90, 'how long each run takes, of which the first sixth has no faults'),
  rate: number(undefined, `disputes opened in a second; ${USUAL.rate}, in a scenario 30 or 60`),
  burst: number(USUAL.burst, 'how many of them are opened at once'),
  pause: number(USUAL.pauseMs, 'how many milliseconds each lane pauses between two faults, on average'),
  'restart-pause': number(undefined, 'the same for the lanes whose faults restart processes; as --pause'),
  herd: number(USUAL.herd, 'how many deadlines a herd has at most'),
  only: text('F7,F22', 'only these faults'),
  calm: flag('no faults'),
  scenario: oneOf(['faults', 'redis-gone', 'clock', 'rolling', 'rolling-redis-gone'], 'what is run'),
  'write-docs': flag('put the figures into docs/reliability.md'),
});
const { seed, seconds } = options;
const rateOr = (usual: number): number => options.rate ?? usual;
/** The part of a run in which nothing goes wrong, to compare with. */
const CALM_PART = 1 / 6;

interface Outcome {
  /** Between which markers in the docs it belongs. */
  readonly name: string;
  readonly text: string;
  readonly table: string;
  readonly breaches: readonly string[];
}

const tell = (breaches: readonly string[]) => breaches.map((breach) => `BREACH ${breach}\n`).join('');

/** What a run has thrown away is still being written when the next one begins, and would be measured with it. */
async function letTheDiskRest(): Promise<void> {
  execFileSync('sync');
  await sleep(10_000);
}

async function runSeeds(): Promise<Outcome> {
  const results: RunResult[] = [];
  const calmSeconds = options.calm ? seconds : Math.ceil(seconds * CALM_PART);
  const only = options.only === '' ? null : options.only.split(',');
  const load = {
    rate: rateOr(USUAL.rate),
    burst: options.burst,
    pauseMs: options.pause,
    restartPauseMs: options['restart-pause'] ?? options.pause,
    herd: options.herd,
  };
  for (let n = seed; n < seed + options.seeds; n += 1) {
    if (n > seed) await letTheDiskRest();
    const result = await runOnce({ seed: n, seconds, calmSeconds, only, ...load });
    results.push(result);
    console.log(`${describeRuns([result])}\n${tell(breachesOf([result], false))}`);
  }
  return {
    name: options.calm ? 'calm' : 'faults',
    text: describeRuns(results),
    table: options.calm ? '' : faultTable(results),
    breaches: breachesOf(results, true),
  };
}

async function runScenario(): Promise<Outcome> {
  const { scenario } = options;
  switch (scenario) {
    case 'faults':
      return await runSeeds();
    case 'redis-gone':
      return { name: scenario, table: '', ...(await runRedisGone(seed, seconds, rateOr(30))) };
    case 'clock':
      return { name: scenario, table: '', ...(await runClockSteps(seed, seconds, rateOr(60))) };
    default: {
      const redis = scenario === 'rolling' ? 'up' : 'gone';
      return { name: scenario, table: '', ...(await runRolling(seed, seconds, rateOr(30), redis)) };
    }
  }
}

const lacking = missingPrograms();
if (lacking.some((text) => text.startsWith('redis-server'))) {
  console.error(lacking.join('\n'));
  process.exit(2);
}
const outcome = await runScenario();
console.log(`${outcome.text}\n\n${outcome.table}\n${tell(outcome.breaches)}`);
if (options['write-docs']) writeDocs(outcome);
process.exit(outcome.breaches.length > 0 ? 1 : 0);
