import { Redis } from 'ioredis';
import { QUEUE_NAME } from '../../../../src/workers/queue.ts';
import { TEST_PREFIX } from '../../../harness/prefix.ts';
import type { Scene } from '../scene.ts';

/** What the keys of the queue of deadlines begin with. */
export const KEYS = `${TEST_PREFIX}:${QUEUE_NAME}`;

/** Does something with Redis by a connection of its own; null if Redis was away or did not answer. */
export async function withRedis<T>({ stage }: Scene, work: (redis: Redis) => Promise<T>): Promise<T | null> {
  const options = { port: stage.redis.port, commandTimeout: 5_000, maxRetriesPerRequest: 1, retryStrategy: () => null };
  const redis = new Redis(options);
  redis.on('error', () => {}); // what fails is also raised by the call that it fails
  try {
    return await work(redis);
  } catch {
    return null;
  } finally {
    redis.disconnect();
  }
}
