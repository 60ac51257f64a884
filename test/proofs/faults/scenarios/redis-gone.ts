import { setTimeout as sleep } from 'node:timers/promises';
import { describeMachine } from '../../../harness/stage/machine.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import { seedOrders, startLoad } from '../load/load.ts';
import { drain } from '../run.ts';
import { type Stage, setUp } from '../stage.ts';
import type { History } from '../verify/history.ts';
import { type Figures, figuresOf, measureLateness } from '../verify/lateness.ts';
import { findBreaches } from '../verify/promises.ts';

const WARM_UP_MS = 5_000;
const BEFORE_MS = 30_000;
/** Workers have to consume jobs again this soon after Redis is back. */
const RECOVERY_MS = 5_000;
const LATE_MS = 2_000;
/** What may be another p99 by mere chance. */
const SAME_P99 = { factor: 1.5, ms: 20 };

interface Period {
  readonly from: number;
  readonly until: number;
}

async function jobsSettled({ workers }: Stage): Promise<number> {
  const texts = await Promise.all(workers.map(async ({ url }) => await (await fetch(`${url}/metrics`)).text()));
  const counts = texts.map((text) => Number(/^deadline_jobs_total\{outcome="settled"\} (\d+)/m.exec(text)?.[1] ?? 0));
  return counts.reduce((sum, count) => sum + count, 0);
}

function latencyIn(history: History, { from, until }: Period): Figures {
  return figuresOf(history.latenciesMs.filter(({ at }) => at >= from && at < until).map(({ ms }) => ms));
}

const ms = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
const describe = ({ count, p50, p99, max }: Figures, what: string) =>
  `${count} ${what}, p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}`;

/** Waits until a job has been settled that fell due after the return of Redis; says how long after it. */
async function returnOfRedis(stage: Stage): Promise<number> {
  const settled = await jobsSettled(stage);
  await stage.redis.start();
  const back = performance.now();
  await waitFor('workers consume again', async () => (await jobsSettled(stage)) > settled, 60_000);
  return performance.now() - back;
}

interface Measured {
  readonly before: Figures;
  readonly during: Figures;
  readonly late: Figures;
  readonly recoveryMs: number;
  readonly answers: readonly (readonly [string, number])[];
}

function judge({ before, during, late, recoveryMs, answers }: Measured): string[] {
  const refused = answers.filter(([kind]) => /^5|no answer/.test(kind));
  const slower = during.p99 > Math.max(before.p99 * SAME_P99.factor, before.p99 + SAME_P99.ms);
  return [
    ...refused.map(([kind, n]) => `${n} answers were ${kind}`),
    ...(slower ? [`answers took ${ms(during.p99)} (p99) instead of ${ms(before.p99)}`] : []),
    ...(late.max > LATE_MS ? [`a deadline was ${ms(late.max)} late`] : []),
    ...(recoveryMs > RECOVERY_MS ? [`workers consumed again after ${ms(recoveryMs)}`] : []),
  ];
}

/** Takes Redis away for a time, with load, and says what was different; the breaches are what must not have been. */
export async function runRedisGone(
  seed: number,
  seconds: number,
  rate: number,
): Promise<{ text: string; breaches: string[] }> {
  const stage = await setUp();
  try {
    const count = rate * (seconds + 120);
    await seedOrders(stage.admin, 'gone-', count);
    const { history, stop } = await startLoad(stage.apis, { seed, prefix: 'gone-', rate, count });
    await sleep(WARM_UP_MS);
    const before = { from: Date.now(), until: Date.now() + BEFORE_MS };
    await sleep(BEFORE_MS);
    await stage.redis.kill(false);
    const gone = { from: Date.now(), until: Date.now() + seconds * 1_000 };
    await sleep(seconds * 1_000);
    const recoveryMs = await returnOfRedis(stage);
    await stop();
    await drain(stage);
    const late = await measureLateness({ stage, outages: [], targeted: [] });
    const inGone = late.filter(({ dueAt }) => dueAt >= gone.from && dueAt < gone.until).map((one) => one.ms);
    const measured: Measured = {
      before: latencyIn(history, before),
      during: latencyIn(history, gone),
      late: figuresOf(inGone),
      recoveryMs,
      answers: [...history.answers],
    };
    const wrong = (await findBreaches(stage.admin, history)).map(
      ({ name, ids }) => `not so: ${name}: ${ids.join(', ')}`,
    );
    const text = [
      describeMachine(),
      `Redis gone for ${seconds} s, ${rate} disputes a second, seed ${seed}`,
      `answers before: ${describe(measured.before, 'answers')}`,
      `while it was gone: ${describe(measured.during, 'answers')}`,
      `deadlines while it was gone: ${describe(measured.late, 'late')}`,
      `workers consumed jobs again ${ms(recoveryMs)} after its return (the first job that fell due then)`,
      `answers: ${measured.answers.map(([kind, n]) => `${kind}: ${n}`).join(', ')}`,
    ].join('\n');
    return { text, breaches: [...wrong, ...judge(measured)] };
  } finally {
    await stage.close();
  }
}
