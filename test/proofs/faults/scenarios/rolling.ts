import { setTimeout as sleep } from 'node:timers/promises';
import { type Exit, end, type Instance } from '../../../harness/stage/instances.ts';
import { describeMachine } from '../../../harness/stage/machine.ts';
import { seedOrders, startLoad } from '../load/load.ts';
import { drain } from '../run.ts';
import { type Stage, setUp } from '../stage.ts';
import { type Figures, figuresOf, measureLateness } from '../verify/lateness.ts';
import { findBreaches } from '../verify/promises.ts';

const WARM_UP_MS = 6_000;
const EVERY_MS = 5_000;
/** What a load balancer takes to hear of it: the manifests wait as long before SIGTERM, or longer. */
const DRAIN_MS = 1_000;
const EXIT_MS = 10_000;
const LATE_MS = 2_000;

/** Ends a process as a deployment does, and starts it again. */
async function restart({ start }: Stage, instance: Instance): Promise<Exit> {
  instance.isDrained = true;
  await sleep(DRAIN_MS);
  const exit = await end(instance, 'SIGTERM');
  await start(instance);
  instance.isDrained = false;
  return exit;
}

/** Restarts one process after the other for a time. */
async function roll(stage: Stage, seconds: number): Promise<Exit[]> {
  const [api1, api2] = stage.apis;
  const [worker1, worker2] = stage.workers;
  const order = [api1, worker1, api2, worker2].filter((instance) => instance !== undefined);
  const exits: Exit[] = [];
  const until = performance.now() + seconds * 1_000;
  for (let turn = 0; performance.now() < until; turn += 1) {
    const begun = performance.now();
    const next = order[turn % order.length];
    if (next !== undefined) exits.push(await restart(stage, next));
    await sleep(Math.max(0, EVERY_MS - (performance.now() - begun)));
  }
  return exits;
}

const ms = (value: number) => `${Math.round(value)} ms`;
const describe = ({ count, p50, p99, max }: Figures) => `${count}, p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}`;

/** Restarts two apis and two workers by turns, one process every five seconds, with load; says what was different. */
export async function runRolling(
  seed: number,
  seconds: number,
  rate: number,
  redis: 'up' | 'gone',
): Promise<{ text: string; breaches: string[] }> {
  const stage = await setUp();
  try {
    const count = rate * (seconds + 120);
    await seedOrders(stage.admin, 'rolling-', count);
    const { history, stop } = await startLoad(stage.apis, { seed, prefix: 'rolling-', rate, count });
    await sleep(WARM_UP_MS);
    if (redis === 'gone') await stage.redis.kill(false);
    const from = Date.now();
    const exits = await roll(stage, seconds);
    await stop();
    await drain(stage);
    const all = await measureLateness({ stage, outages: [], targeted: [] });
    const late = figuresOf(all.filter(({ dueAt }) => dueAt >= from).map((one) => one.ms));
    const exited = figuresOf(exits.map((exit) => exit.ms));
    const answers = [...history.answers];
    const failed = answers.filter(([kind]) => /^5|no answer/.test(kind));
    const wrong = await findBreaches(stage.admin, history);
    const text = [
      describeMachine(),
      `${exits.length} restarts in ${seconds} s with Redis ${redis}, ${rate} disputes a second, seed ${seed}`,
      `exits: ${describe(exited)}, with ${[...new Set(exits.map(({ code }) => code))].join(', ')}`,
      `deadlines late: ${describe(late)}`,
      `answers: ${answers.map(([kind, n]) => `${kind}: ${n}`).join(', ')}`,
    ].join('\n');
    return {
      text,
      breaches: [
        ...wrong.map(({ name, ids }) => `not so: ${name}: ${ids.join(', ')}`),
        ...failed.map(([kind, n]) => `${n} answers were ${kind}`),
        ...(late.max > LATE_MS ? [`a deadline was ${ms(late.max)} late`] : []),
        ...(exited.max > EXIT_MS ? [`a process took ${ms(exited.max)} to end`] : []),
        ...(exits.some(({ code }) => code !== 0) ? ['a process did not end with 0'] : []),
      ],
    };
  } finally {
    await stage.close();
  }
}
