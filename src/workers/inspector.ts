import type { Cluster, Redis } from 'ioredis';
import type { QueueInspector } from '../application/deadlines.ts';
import { addJobs, answered, type DeadlineQueue, jobIdOf, removeJobs, timerOf } from './queue.ts';

/** BullMQ's score of a delayed job: its due time in milliseconds, and 12 bits that order jobs within one. */
const SCORE_PER_MS = 4_096;

/** Looks into the queue without ever asking Redis for all of it. */
export function inspectQueue(queue: DeadlineQueue, redis: Redis | Cluster, horizonMs: number): QueueInspector {
  return {
    horizonMs,
    missing: async (timers) => {
      if (timers.length === 0) return [];
      const pipeline = redis.pipeline();
      for (const timer of timers) pipeline.exists(queue.toKey(jobIdOf(timer)));
      const answers = (await answered(pipeline.exec())) ?? [];
      const failed = answers.find(([error]) => error !== null)?.[0];
      if (failed) throw failed;
      return timers.filter((_timer, index) => answers[index]?.[1] === 0);
    },
    waiting: async (offset, limit) => {
      const pairs = await redis.zrange(queue.toKey('delayed'), offset, String(offset + limit - 1), 'WITHSCORES');
      const jobs = [];
      for (let index = 0; index < pairs.length; index += 2) {
        const timer = timerOf(pairs[index] ?? '');
        if (timer !== null) jobs.push({ ...timer, dueAt: Math.floor(Number(pairs[index + 1]) / SCORE_PER_MS) });
      }
      return jobs;
    },
    add: (timers, now) => addJobs(queue, timers, now),
    remove: (timers) => removeJobs(queue, timers),
  };
}
