import { Queue } from 'bullmq';
import { within } from '../../../../src/platform/within.ts';
import { QUEUE_NAME } from '../../../../src/workers/queue.ts';
import { TEST_PREFIX } from '../../../harness/prefix.ts';
import type { Fault, Outcome, Scene } from '../scene.ts';
import { KEYS, withRedis } from './redis-client.ts';
import { ask } from './traps.ts';

/** Jobs for disputes that have one already: both workers get them, at their deadline and all at once. */
async function nominateAgain({ stage }: Scene): Promise<Outcome> {
  const soon = await ask<{ id: string; seq: number; due: number }>(
    stage.admin,
    `SELECT id, deadline_seq AS seq, (extract(epoch from respond_by) * 1000)::float8 AS due FROM disputes
     WHERE status = 'open' AND respond_by < clock_timestamp() + interval '2 seconds' LIMIT 50`,
  );
  if (soon.length === 0) return 'missed';
  const connection = { port: stage.redis.port, commandTimeout: 1_000, maxRetriesPerRequest: 1 };
  const queue = new Queue(QUEUE_NAME, { connection, prefix: TEST_PREFIX });
  queue.on('error', () => {});
  const jobs = soon.flatMap(({ id, seq, due }) =>
    Array.from({ length: 6 }, (_, copy) => ({
      name: 'deadline',
      data: { disputeId: id, seq },
      opts: {
        jobId: `again-${copy}-${id}`,
        delay: Math.max(0, due - Date.now()),
        removeOnComplete: true,
        removeOnFail: true,
      },
    })),
  );
  // With Redis away at a bad moment BullMQ answers neither of these.
  const outcome: Outcome = await within(5_000, 'the jobs were not taken', queue.addBulk(jobs)).then(
    () => undefined,
    () => 'missed' as const,
  );
  await within(1_000, 'the queue did not let go', queue.disconnect()).catch(() => {});
  return outcome;
}

async function loseAll(scene: Scene): Promise<Outcome> {
  return (await withRedis(scene, (redis) => redis.flushall())) === null ? 'missed' : undefined;
}

/** Takes away each waiting job with an even chance, as an eviction policy that is not `noeviction` would. */
async function loseHalf(scene: Scene): Promise<Outcome> {
  const lost = await withRedis(scene, async (redis) => {
    const ids = (await redis.zrange(`${KEYS}:delayed`, 0, '-1')).filter(() => scene.random.chance(0.5));
    if (ids.length === 0) return 0;
    await redis.zrem(`${KEYS}:delayed`, ...ids);
    return await redis.del(...ids.map((id) => `${KEYS}:${id}`));
  });
  return lost ? undefined : 'missed';
}

/** What happens to the jobs while their Redis goes on. */
export const QUEUE_FAULTS: readonly Fault[] = [
  {
    kind: 'Redis: FLUSHALL',
    number: 'F1',
    mustHold: 'no deadline lost: the sweeper fires them, the relay makes the jobs again',
    run: loseAll,
  },
  {
    kind: 'Redis: half of the jobs lost',
    number: 'F1',
    mustHold: 'the same',
    run: loseHalf,
  },
  {
    kind: 'each deadline nominated seven times',
    number: 'F8',
    mustHold: 'one effect, one log entry',
    run: nominateAgain,
  },
];
