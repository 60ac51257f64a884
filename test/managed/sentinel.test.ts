import { describe, expect, test } from '@jest/globals';
import { hasProgram } from '../faults/programs.ts';
import { startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { runMainFlow } from './flow.ts';
import { startWatchedRedis } from './sentinel.ts';

// A skipped test says why: without redis-server on the PATH (Debian: apt-get install redis-server) there is no Sentinel.
const watched = hasProgram('redis-server') ? describe : describe.skip;

watched('with Redis behind Sentinel (needs redis-server)', () => {
  test('the main flow goes as without it, before and after a failover, and jobs are taken again', async () => {
    const redis = await startWatchedRedis();
    const env = { WINDOW_CANCELLATION: 'PT2S', REMINDERS: 'none' };
    const service = await startService({ role: 'all', env, redisUrl: redis.url });
    // Whatever it found: each flow starts when the sweeper has ended the one before, so that the next sweep and the job fall
    // due at the same moment, and the job may come second every time.
    const taken = async () => {
      const { values } = await service.deps.app.system.metrics.jobs.get();
      return values.reduce((sum, { value }) => sum + value, 0);
    };
    expect((await runMainFlow(service)).cancelled.status).toBe('mutually_cancelled');
    redis.killMaster();
    // Nobody is asked to wait for Redis meanwhile.
    expect((await runMainFlow(service)).cancelled.status).toBe('mutually_cancelled');
    await redis.failedOver();
    const before = await taken();
    await waitFor(
      'a job is taken again',
      async () => {
        expect((await runMainFlow(service)).cancelled.status).toBe('mutually_cancelled');
        return (await taken()) > before;
      },
      30_000,
    );
    await service.close();
  }, 90_000);
});
