import type { Redis } from 'ioredis';
import { test } from 'vitest';
import { openQueue } from '../../src/workers/queue.ts';
import { TEST_PREFIX } from '../harness/prefix.ts';
import { startProxy } from '../harness/programs/proxy.ts';
import { testRedisUrl } from '../harness/redis.ts';
import { waitFor } from '../harness/wait-for.ts';

test('a queue whose connection is coming back when it is closed ends that connection, and says nothing of it', async () => {
  const address = await startProxy(await testRedisUrl());
  const queue = openQueue({ redisUrl: address.url, prefix: TEST_PREFIX }, () => {});
  await queue.waitUntilReady();
  // BullMQ's type for its clients leaves out their state.
  const client = (await queue.backend.client) as unknown as Redis;
  address.cut();
  await waitFor('it notices', () => client.status !== 'ready');
  // From now on connections are accepted, and the first question on them is not answered.
  address.freeze();
  await waitFor('it connects again', () => client.status === 'connect');
  await queue.close();
  await waitFor('the connection has ended', () => client.status === 'end');
});
