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
    const settledByJob = async () => {
      const { values } = await service.deps.app.system.metrics.jobs.get();
      return values.filter(({ labels }) => labels.outcome === 'settled').reduce((sum, { value }) => sum + value, 0);
    };
    expect((await runMainFlow(service)).cancelled.status).toBe('mutually_cancelled');
    redis.killMaster();
    // Nobody is asked to wait for Redis meanwhile.
    expect((await runMainFlow(service)).cancelled.status).toBe('mutually_cancelled');
    await redis.failedOver();
    const before = await settledByJob();
    await waitFor(
      'a job is taken again',
      async () => {
        expect((await runMainFlow(service)).cancelled.status).toBe('mutually_cancelled');
        return (await settledByJob()) > before;
      },
      30_000,
    );
    await service.close();
  }, 90_000);
});
