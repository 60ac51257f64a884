import type { Redis } from 'ioredis';
import { QUEUE_NAME } from '../../src/workers/queue.ts';
import { TEST_PREFIX } from '../harness/prefix.ts';

/** How many deadlines wait as delayed jobs. */
export const jobsWaiting = (redis: Redis): Promise<number> => redis.zcard(`${TEST_PREFIX}:${QUEUE_NAME}:delayed`);

/** What Redis has in memory, in bytes. */
export const memoryOf = async (redis: Redis): Promise<number> =>
  Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
