import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Redis } from 'ioredis';
import { type Fault, type Scene, sinceMs } from '../scene.ts';
import { KEYS, withRedis } from './redis-client.ts';

const SCORE_PER_MS = 4_096;

/** The highest count that a worker has of jobs it has done; jobs are taken again once it grows. */
async function jobsDone({ stage }: Scene): Promise<number> {
  const counts = stage.workers.map(async ({ url }) => {
    try {
      const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(1_000) })).text();
      return [...text.matchAll(/^deadline_jobs_total\{outcome="\w+"\} (\d+)/gm)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
    } catch {
      return 0;
    }
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

const RECOVERY_WATCH_MS = 2_500;
/** How often it is asked: an answer is all of a worker's metrics, with what they ask PostgreSQL. */
const RECOVERY_LOOK_MS = 250;

/** How long after now jobs are taken again; undefined if that was not seen, since something else happened meanwhile. */
async function recovery(scene: Scene): Promise<number | undefined> {
  const begun = performance.now();
  const before = await jobsDone(scene);
  while (sinceMs(begun) < RECOVERY_WATCH_MS) {
    if ((await jobsDone(scene)) > before) return sinceMs(begun);
    await sleep(RECOVERY_LOOK_MS);
  }
  return undefined;
}

async function lose(scene: Scene, loseFiles: boolean, downMs: number): Promise<number | undefined> {
  await scene.stage.redis.kill(loseFiles);
  await sleep(downMs);
  await scene.stage.redis.start();
  return await recovery(scene);
}

/** Redis' slowest answer to a PING while `work` is under way, asked from a thread that has nothing else to do. */
async function slowestPing(port: number, work: Promise<unknown>): Promise<number> {
  const thread = new Worker(new URL('ping-thread.mjs', import.meta.url), { workerData: { port } });
  const slowest = once(thread, 'message');
  await work;
  thread.postMessage('done');
  const [ms] = (await slowest) as [number];
  return ms;
}

function addOrphans(redis: Redis, random: Scene['random'], count: number) {
  const pipeline = redis.pipeline();
  for (let n = 0; n < count; n += 1) {
    const id = `deadline-00000000-0000-7000-8000-${String(random.int(0, 999_999_999)).padStart(12, '0')}-1`;
    pipeline.hset(`${KEYS}:${id}`, { name: 'deadline', data: '{}', opts: '{}', timestamp: 1, delay: 1 });
    pipeline.zadd(`${KEYS}:delayed`, (Date.now() + 86_400_000) * SCORE_PER_MS, id);
  }
  return pipeline.exec();
}

const TAKES_JOBS =
  'jobs are taken again after its return, where one fell due in the next 2.5 s and nothing else went wrong';

export const REDIS_FAULTS: readonly Fault[] = [
  {
    kind: 'Redis: SIGKILL, its files lost',
    number: 'F2',
    mustHold: 'no deadline lost: the sweeper fires them, the relay makes the jobs again; no request fails for it',
    figure: TAKES_JOBS,
    run: (scene) => lose(scene, true, scene.random.int(500, 5_500)),
  },
  {
    kind: 'Redis: away for longer',
    number: 'F3',
    mustHold: 'deadlines fire by the sweeper; workers consume again within 5 s of its return',
    figure: TAKES_JOBS,
    run: (scene) => lose(scene, false, scene.random.int(4_000, 9_000)),
  },
  {
    kind: 'Redis: SIGSTOP',
    number: 'F4',
    mustHold: 'the same with a Redis that accepts and does not answer',
    run: async ({ stage, random }) => {
      stage.redis.signal('SIGSTOP');
      await sleep(random.int(500, 5_000));
      stage.redis.signal('SIGCONT');
    },
  },
  {
    kind: 'Redis: half-open connections',
    number: 'F4',
    mustHold: 'the same where the network swallows everything, and then resets',
    run: async ({ stage, random }) => {
      const ways = [...stage.apis, ...stage.workers].map(({ redis }) => redis);
      for (const way of ways) way.freeze();
      await sleep(random.int(500, 5_000));
      for (const way of ways) way.cut();
      for (const way of ways) way.restore();
    },
  },
  {
    kind: 'Redis: out of memory',
    number: 'F5',
    mustHold: 'jobs are refused, requests are not; deadlines fire',
    run: async (scene) => {
      const done = await withRedis(scene, async (redis) => {
        await redis.config('SET', 'maxmemory', '1mb');
        await redis.set('filler', 'x'.repeat(900_000)).catch(() => {});
        await sleep(scene.random.int(1_000, 3_000));
        await redis.config('SET', 'maxmemory', '0');
        await redis.del('filler');
        return true;
      });
      return done ? undefined : 'missed';
    },
  },
  {
    kind: 'Redis: twenty thousand orphaned jobs',
    number: 'F23',
    mustHold: 'looking into the queue and mending it leaves Redis free; its slowest PING stays under 1 s',
    figure: 'slowest PING meanwhile',
    run: async (scene) => {
      const { client, random, breaches } = scene;
      const slowest = await withRedis(scene, async (redis) => {
        for (let n = 0; n < 10; n += 1) await addOrphans(redis, random, 2_000);
        const looks = ['pending', 'missing_job', 'orphan_job'].map((state) =>
          client.send({ as: 'operator', method: 'GET', path: `/v1/ops/deadlines?state=${state}` }),
        );
        const mend = client.send({ as: 'operator', method: 'POST', path: '/v1/ops/deadlines/reconcile' });
        return await slowestPing(scene.stage.redis.port, Promise.all([...looks, mend]));
      });
      if (slowest !== null && slowest > 1_000) breaches.push(`Redis took ${Math.round(slowest)} ms to answer a PING`);
      return slowest ?? 'missed';
    },
  },
];
