import { describe, test } from 'vitest';
import { hasProgram } from '../../harness/stage/programs.ts';
import { expectToOutlive } from './servers/failover.ts';
import { startWatchedRedis } from './servers/sentinel.ts';

// A skipped test says why: without redis-server on the PATH (Debian: apt-get install redis-server) there is no Sentinel.
const watched = hasProgram('redis-server') ? describe : describe.skip;

watched('with Redis behind Sentinel (needs redis-server)', () => {
  test('the main flow goes as without it, before and after a failover, and jobs are taken again', async () => {
    const { url, killMaster, failedOver } = await startWatchedRedis();
    await expectToOutlive({ url, kill: killMaster, failedOver });
  });
});
