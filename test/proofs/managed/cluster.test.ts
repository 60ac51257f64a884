import { once } from 'node:events';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkEvictionPolicy, EvictionPolicyError, waitingConnection } from '../../../src/platform/redis/redis.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { hasProgram } from '../../harness/stage/programs.ts';
import { type RedisCluster, startCluster } from './servers/cluster.ts';
import { expectToOutlive } from './servers/failover.ts';

// A skipped test says why: without redis-server on the PATH (Debian: apt-get install redis-server) there is no cluster.
const clustered = hasProgram('redis-server') ? describe : describe.skip;

clustered('with a Redis Cluster (needs redis-server)', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });

  test('a master that may throw keys away is found, whichever it is', async () => {
    expect(await checkEvictionPolicy(cluster.url)).toBeNull();
    await cluster.setEvictionPolicy('allkeys-lru');
    await expect(checkEvictionPolicy(cluster.url)).rejects.toThrow(EvictionPolicyError);
    await cluster.setEvictionPolicy('noeviction');
  });

  describe('that is down', () => {
    beforeAll(() => cluster.takeDown());
    afterAll(() => cluster.makeWhole());

    test('a service starts', async () => {
      expect(await checkEvictionPolicy(cluster.url)).toBeNull();
    });

    // As the worker does when it was not answered for too long: it waits for this, with every job behind it.
    test('a client that connects again is not left waiting', async () => {
      const client = waitingConnection(cluster.url);
      if (!(client instanceof Cluster)) throw new Error('it is no client of a cluster');
      onCleanup(async () => client.disconnect());
      await once(client, 'ready');
      client.disconnect();
      await once(client, 'end');
      await client.connect();
      expect(client.status).toBe('ready');
    });
  });

  test('the main flow goes as without it, before and after a master fails, and jobs are taken again', async () => {
    const { url, killOwner, failedOver } = cluster;
    await expectToOutlive({ url, kill: killOwner, failedOver });
  });
});
