import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../harness/wait-for.ts';
import { findBreaches } from './invariants.ts';
import { type History, seedOrders, startLoad } from './load.ts';
import { createRandom } from './random.ts';
import { quantile } from './report.ts';
import { type Stage, setUp } from './stage.ts';

const BEFORE_MS = 20_000;
const RATE = 30;
/** Workers have to consume jobs again this soon after Redis is back. */
const RECOVERY_MS = 5_000;
const LATE_MS = 2_000;

interface Outage {
  readonly from: number;
  readonly until: number;
}

async function jobsSettled({ workers }: Stage): Promise<number> {
  const texts = await Promise.all(workers.map(async ({ url }) => await (await fetch(`${url}/metrics`)).text()));
  const counts = texts.map((text) => Number(/^deadline_jobs_total\{outcome="settled"\} (\d+)/m.exec(text)?.[1] ?? 0));
  return counts.reduce((sum, count) => sum + count, 0);
}

function latency(history: History, { from, until }: Outage): string {
  const inside = history.latenciesMs.filter(({ at }) => at >= from && at < until).map(({ ms }) => ms);
  const sorted = inside.sort((a, b) => a - b);
  return `${inside.length} answers, p50 ${quantile(sorted, 0.5).toFixed(1)} ms, p99 ${quantile(sorted, 0.99).toFixed(1)} ms`;
}

async function latenessIn({ admin }: Stage, { from, until }: Outage): Promise<number[]> {
  const { rows } = await admin.query<{ ms: number }>(
    `SELECT (extract(epoch from resolved_at - respond_by) * 1000)::float8 AS ms FROM disputes
     WHERE resolution = 'expired' AND respond_by BETWEEN to_timestamp($1) AND to_timestamp($2) ORDER BY ms`,
    [from / 1_000, until / 1_000],
  );
  return rows.map(({ ms }) => ms);
}

/** Takes Redis away for a time, with load, and says what was different; the breaches are what must not have been. */
export async function runRedisGone(seed: number, seconds: number): Promise<{ text: string; breaches: string[] }> {
  const stage = await setUp();
  try {
    await seedOrders(stage.admin, 'gone-', RATE * (seconds + 120));
    const load = await startLoad(stage.apis, createRandom(seed), 'gone-', RATE);
    const before = { from: Date.now(), until: Date.now() + BEFORE_MS };
    await sleep(BEFORE_MS);
    await stage.killRedis(false);
    const gone = { from: Date.now(), until: Date.now() + seconds * 1_000 };
    await sleep(seconds * 1_000);
    const settled = await jobsSettled(stage);
    await stage.startRedis();
    const back = performance.now();
    await waitFor('workers consume again', async () => (await jobsSettled(stage)) > settled, 60_000);
    const recoveryMs = performance.now() - back;
    await load.stop();
    await waitFor(
      'all is settled',
      async () => {
        const { rows } = await stage.admin.query("SELECT 1 FROM disputes WHERE status = 'open' LIMIT 1");
        return rows.length === 0;
      },
      30_000,
    );
    const late = await latenessIn(stage, gone);
    const refused = [...load.history.answers].filter(([kind]) => /^5|no answer/.test(kind));
    const breaches = [
      ...(await findBreaches(stage.admin, load.history)).map(({ name }) => `not so: ${name}`),
      ...refused.map(([kind, n]) => `${n} answers were ${kind}`),
      ...((late.at(-1) ?? 0) > LATE_MS ? [`a deadline was ${Math.round(late.at(-1) ?? 0)} ms late`] : []),
      ...(recoveryMs > RECOVERY_MS ? [`workers consumed again after ${Math.round(recoveryMs)} ms`] : []),
    ];
    const text = [
      `Redis gone for ${seconds} s, ${RATE} disputes a second, seed ${seed}`,
      `before: ${latency(load.history, before)}`,
      `while it was gone: ${latency(load.history, gone)}`,
      `deadlines while it was gone: ${late.length}, late p50 ${Math.round(quantile(late, 0.5))} ms, p99 ${Math.round(quantile(late, 0.99))} ms, max ${Math.round(late.at(-1) ?? 0)} ms`,
      `workers consumed jobs again ${Math.round(recoveryMs)} ms after its return (the first job that fell due then)`,
      `answers: ${[...load.history.answers].map(([kind, n]) => `${kind}: ${n}`).join(', ')}`,
    ].join('\n');
    return { text, breaches };
  } finally {
    await stage.close();
  }
}
