import { beforeAll, describe, expect, test } from '@jest/globals';
import { checkEvictionPolicy, EvictionPolicyError } from '../../src/platform/redis.ts';
import { hasProgram } from '../faults/programs.ts';
import { type RedisCluster, startCluster } from './cluster.ts';
import { expectToOutlive } from './failover.ts';

// A skipped test says why: without redis-server on the PATH (Debian: apt-get install redis-server) there is no cluster.
const clustered = hasProgram('redis-server') ? describe : describe.skip;

clustered('with a Redis Cluster (needs redis-server)', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  }, 60_000);

  test('a master that may throw keys away is found, whichever it is', async () => {
    expect(await checkEvictionPolicy(cluster.url)).toBe(true);
    await cluster.setEvictionPolicy('allkeys-lru');
    await expect(checkEvictionPolicy(cluster.url)).rejects.toThrow(EvictionPolicyError);
    await cluster.setEvictionPolicy('noeviction');
  });

  test('the main flow goes as without it, before and after a master fails, and jobs are taken again', async () => {
    const { url, killOwner, failedOver } = cluster;
    await expectToOutlive({ url, kill: killOwner, failedOver });
  }, 90_000);
});
