import { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
import { createReconnectRule, waitingConnection } from '../../../src/platform/redis/redis.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { waitFor } from '../../harness/wait-for.ts';

test('a client of a cluster named by host names goes on connecting when an old connection ends late', async () => {
  // No server is there: it tries again and again.
  const client = waitingConnection('redis://localhost:1?cluster=true');
  if (!(client instanceof Cluster)) throw new Error('it is no client of a cluster');
  client.on('error', () => {});
  onCleanup(async () => client.disconnect());
  const { connectionPool } = client as unknown as { connectionPool: { emit: (event: 'drain') => boolean } };
  let attempts = 0;
  client.on('connecting', () => {
    attempts += 1;
    // What ioredis hears when the last of its former connections has ended.
    setImmediate(() => connectionPool.emit('drain'));
  });
  await waitFor('it has tried four times', async () => attempts >= 4, 10_000);
  expect(client.status).not.toBe('end');
});

test('an error of a server that is no master asks for another connection, once in five seconds', () => {
  let now = 0;
  const rule = createReconnectRule(() => now);
  const readOnly = new Error("READONLY You can't write against a read only replica.");
  expect(rule(new Error('OOM command not allowed'))).toBe(false);
  const asked = [];
  for (; now < 20_000; now += 100) if (rule(readOnly)) asked.push(now);
  expect(asked).toEqual([0, 5_000, 10_000, 15_000]);
});
