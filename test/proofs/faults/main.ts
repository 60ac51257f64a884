import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { writeDocs } from '../../harness/stage/docs.ts';
import { missingPrograms } from '../../harness/stage/programs.ts';
import { breachesOf, describeRuns, faultTable } from './report.ts';
import { type RunResult, runOnce } from './run.ts';
import { runClockSteps } from './scenarios/clock-steps.ts';
import { runRedisGone } from './scenarios/redis-gone.ts';
import { runRolling } from './scenarios/rolling.ts';

const HELP = `npm run test:faults -- [options]

  --seed N         the seed of the first run; chosen by chance if it is not given
  --seeds K        how many runs, with the seeds N, N + 1, …; 1
  --seconds S      how long each run takes, of which the first sixth has no faults; 90
  --rate R         disputes opened in a second; 34, in a scenario 30 or 60
  --burst B        how many of them are opened at once; 1
  --pause MS       how long each lane pauses between two faults, on average; 2300
  --restart-pause MS  the same for the lanes whose faults restart processes; as --pause
  --herd N         how many deadlines a herd has at most; 870
  --only F7,F22    only these faults
  --calm           no faults
  --scenario NAME  redis-gone, clock, rolling or rolling-redis-gone instead of faults chosen by the seed
  --write-docs     put the figures into docs/reliability.md
`;

/** What two slow cores can carry beside the faults: so many disputes opened a second, milliseconds of rest, and due at once. */
const USUAL = { rate: 34, burst: 1, pauseMs: 2_300, herd: 870 };

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    seeds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '90' },
    rate: { type: 'string' },
    burst: { type: 'string', default: String(USUAL.burst) },
    pause: { type: 'string', default: String(USUAL.pauseMs) },
    'restart-pause': { type: 'string' },
    herd: { type: 'string', default: String(USUAL.herd) },
    calm: { type: 'boolean', default: false },
    only: { type: 'string' },
    scenario: { type: 'string', default: 'faults' },
    'write-docs': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const seed = Number(values.seed);
const seconds = Number(values.seconds);
const rateOr = (usual: number): number => Number(values.rate ?? usual);
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
  const calmSeconds = values.calm ? seconds : Math.ceil(seconds * CALM_PART);
  const only = values.only?.split(',') ?? null;
  const load = {
    rate: rateOr(USUAL.rate),
    burst: Number(values.burst),
    pauseMs: Number(values.pause),
    restartPauseMs: Number(values['restart-pause'] ?? values.pause),
    herd: Number(values.herd),
  };
  for (let n = seed; n < seed + Number(values.seeds); n += 1) {
    if (n > seed) await letTheDiskRest();
    const result = await runOnce({ seed: n, seconds, calmSeconds, only, ...load });
    results.push(result);
    console.log(`${describeRuns([result])}\n${tell(breachesOf([result], false))}`);
  }
  return {
    name: values.calm ? 'calm' : 'faults',
    text: describeRuns(results),
    table: values.calm ? '' : faultTable(results),
    breaches: breachesOf(results, true),
  };
}

async function runScenario(): Promise<Outcome> {
  if (values.scenario === 'faults') return await runSeeds();
  if (values.scenario === 'redis-gone') {
    return { name: 'redis-gone', table: '', ...(await runRedisGone(seed, seconds, rateOr(30))) };
  }
  if (values.scenario === 'clock')
    return { name: 'clock', table: '', ...(await runClockSteps(seed, seconds, rateOr(60))) };
  if (values.scenario === 'rolling' || values.scenario === 'rolling-redis-gone') {
    const redis = values.scenario === 'rolling' ? 'up' : 'gone';
    return { name: values.scenario, table: '', ...(await runRolling(seed, seconds, rateOr(30), redis)) };
  }
  throw new Error(`there is no scenario ${values.scenario}`);
}

const lacking = missingPrograms();
if (lacking.some((text) => text.startsWith('redis-server'))) {
  console.error(lacking.join('\n'));
  process.exit(2);
}
const outcome = await runScenario();
console.log(`${outcome.text}\n\n${outcome.table}\n${tell(outcome.breaches)}`);
if (values['write-docs']) writeDocs(outcome);
process.exit(outcome.breaches.length > 0 ? 1 : 0);
