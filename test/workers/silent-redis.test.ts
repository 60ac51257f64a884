import type { Redis } from 'ioredis';
import { afterEach, expect, test, vi } from 'vitest';
import { inspectQueue } from '../../src/workers/inspector.ts';
import { ANSWER_MS, addJobs, countJobs, type DeadlineQueue, removeJobs } from '../../src/workers/queue.ts';

// A connection that broke in the middle of a transaction left BullMQ's promise without an end, seldom and for good.
const never = () => new Promise<never>(() => {});
const queue = {
  waitUntilReady: async () => {},
  addBulk: never,
  remove: never,
  getJobCounts: never,
  isPaused: never,
  toKey: (key: string) => key,
} as unknown as DeadlineQueue;
const redis = { pipeline: () => ({ exists: () => {}, exec: never }) } as unknown as Redis;
const timer = { disputeId: '01890000-0000-7000-8000-000000000000', seq: 1, dueAt: 2_000 };

afterEach(() => {
  vi.useRealTimers();
});

test.each<[string, () => Promise<unknown>]>([
  ['making jobs', () => addJobs(queue, [timer], 1_000)],
  ['taking jobs away', () => removeJobs(queue, [timer])],
  ['counting jobs', () => countJobs(queue)],
  ['looking for jobs', () => inspectQueue(queue, redis, 1_000).missing([timer])],
])('%s fails where Redis never answers', async (_what, call) => {
  vi.useFakeTimers();
  const failed = expect(call()).rejects.toThrow('Redis did not answer');
  await vi.advanceTimersByTimeAsync(ANSWER_MS);
  await failed;
});
