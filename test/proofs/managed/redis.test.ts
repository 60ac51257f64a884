import { describe, expect, test } from 'vitest';
import { createDatabase } from '../../harness/database.ts';
import { startProcess } from '../../harness/process.ts';
import { startProxy } from '../../harness/programs/proxy.ts';
import { LONG } from '../../harness/run/long.ts';
import { seedDispute } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';
import { hasProgram } from '../../harness/stage/programs.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { listWorker } from '../../harness/workers.ts';
import { faultsOf } from './judge.ts';
import { observe } from './observe.ts';
import { REDIS_ROWS } from './redis-rows.ts';
import { type ManagedRedis, startManagedRedis } from './servers/redis-server.ts';

// A skipped test says why: without redis-server on the PATH (Debian: apt-get install redis-server) there is none to set up.
const managed = hasProgram('redis-server') ? describe : describe.skip;

const QUIET_MS = 3_000;
/** The whole table is `npm run test:managed`. */
const SHORT = ['no EVAL', ...(LONG ? ['least rights', 'no INFO', 'memory full'] : [])];

managed('with a Redis as others run it (needs redis-server)', () => {
  test.each(REDIS_ROWS.filter(({ name }) => SHORT.some((part) => name.includes(part))))(
    'all promises hold with $name',
    async (row) => {
      expect(faultsOf(row, await observe(await row.setUp(), QUIET_MS))).toEqual([]);
    },
  );

  test('after a failover behind one address, jobs are taken from the new master', async () => {
    const [old, heir] = [await startManagedRedis(), await startManagedRedis()];
    const address = await startProxy(old.url);
    const service = await startService({ role: 'all', redisUrl: address.url, env: { REMINDERS: 'none' } });
    const { queue } = service.deps.app.http;
    const waiting = (count: number) =>
      queue.waiting(0, 10).then(
        (jobs) => jobs.length === count,
        () => false, // between two connections
      );
    await seedDispute(service, 'cancellation');
    await waitFor('its job waits', () => waiting(1));
    address.moveTo(heir.url);
    // Connections of clients stay: only an error tells them that their server is not the master any more.
    await old.admin.replicaof('127.0.0.1', Number(new URL(heir.url).port));
    await waitFor('the service has the new master', () => waiting(0));
    await seedDispute(service, 'cancellation');
    await waitFor('a job waits there', () => waiting(1));
    expect(await heir.admin.exists('{resolution-center}:deadlines:meta')).toBe(1);
    await service.close();
  });

  describe('where the address leads to a replica', () => {
    const portOf = ({ url }: ManagedRedis) => Number(new URL(url).port);
    const REFUSED = ['degraded', 'refusing', 'READONLY: the server is a read-only replica'];

    async function startOnReplica() {
      const [master, replica] = [await startManagedRedis(), await startManagedRedis()];
      const demote = () => replica.admin.replicaof('127.0.0.1', portOf(master));
      await demote();
      const env = { WINDOW_CANCELLATION: 'PT2S', REMINDERS: 'none', LOG_LEVEL: 'info' };
      const service = await startProcess({ redisUrl: replica.url, env });
      const ready = async () => (await service.withAuthorization(null).get<Record<string, unknown>>('/readyz')).body;
      const jobsTaken = async () => {
        const text = await (await fetch(`${service.url}/metrics`)).text();
        const counts = [...text.matchAll(/^deadline_jobs_total\{.*\} (\d+)/gm)].map(([, count]) => Number(count));
        return counts.reduce((sum, count) => sum + count, 0);
      };
      const jobIsTaken = async () => {
        const before = await jobsTaken();
        const isTaken = async () => {
          await seedDispute(service, 'cancellation'); // the sweeper may come first
          return (await jobsTaken()) > before;
        };
        await waitFor('a job is taken', isTaken);
      };
      // Of Redis: on a busy machine PostgreSQL may be slow.
      const warnings = () => service.stdout().match(/^\{"level":[45].*Redis.*$/gm) ?? [];
      const isSaid = async (status: string) => (await ready())['status'] === status;
      return { service, replica, demote, ready, isSaid, jobIsTaken, warnings };
    }

    test('readiness says so all the time, the log says it once, and all works by itself when the replica is promoted', async () => {
      const { replica, ready, isSaid, jobIsTaken, warnings } = await startOnReplica();
      await waitFor('Redis refuses, and a worker lives', async () => {
        const { redis, worker } = await ready();
        return redis === 'refusing' && worker === 'up';
      });
      const before = await replica.connections();
      const answers = [];
      for (let n = 0; n < 100; n += 1) {
        const { status, redis, reason } = await ready();
        answers.push([status, redis, reason]);
      }
      expect(answers).toEqual(Array(100).fill(REFUSED));
      // Two clients write at most, and each may connect again; the workers wait.
      expect((await replica.connections()) - before).toBeLessThanOrEqual(5);
      expect(warnings()).toEqual([expect.stringContaining('Redis refuses the service (READONLY')]);
      await replica.admin.replicaof('NO', 'ONE');
      await waitFor('it is ready', () => isSaid('ready'));
      await jobIsTaken();
    });

    test.runIf(LONG)(
      'a server that is demoted and promoted again and again is told of a few times a minute, and works in the end',
      async () => {
        const { service, replica, demote, isSaid, jobIsTaken, warnings } = await startOnReplica();
        const before = await replica.connections();
        for (let n = 0; n < 5; n += 1) {
          await replica.admin.replicaof('NO', 'ONE');
          await waitFor('it is ready', () => isSaid('ready'));
          await demote();
          await waitFor('it is not', () => isSaid('degraded'));
        }
        await replica.admin.replicaof('NO', 'ONE');
        await jobIsTaken();
        expect((await replica.connections()) - before).toBeLessThanOrEqual(60);
        expect(warnings().length).toBeLessThanOrEqual(10);
        expect(service.stderr()).toBe('');
      },
    );
  });

  test('while the queue is paused, readiness and metrics say so', async () => {
    const redis = await startManagedRedis();
    const service = await startService({ redisUrl: redis.url });
    await listWorker(service.database, { ageMs: -3_600_000 });
    const ready = async () => (await service.withAuthorization(null).get<object>('/readyz')).body;
    await waitFor('the workers are known', async () => 'worker' in (await ready()));
    await redis.admin.hset('{resolution-center}:deadlines:meta', 'paused', '1');
    expect(await ready()).toEqual({ status: 'degraded', postgres: 'up', redis: 'up', queue: 'paused', worker: 'up' });
    await redis.admin.hdel('{resolution-center}:deadlines:meta', 'paused');
    expect(await ready()).toEqual({ status: 'ready', postgres: 'up', redis: 'up', worker: 'up' });
    await service.close();
  });

  test('two deployments on one Redis keep their jobs apart', async () => {
    const redis = await startManagedRedis();
    const databases = [await createDatabase(), await createDatabase()];
    for (const database of databases) {
      // Databases of tests are copies of one, with its id.
      await database.query('UPDATE deployment SET id = gen_random_uuid()');
      const service = await startProcess({ database, redisUrl: redis.url, env: { REDIS_PREFIX: '' } });
      await seedDispute(service, 'cancellation');
    }
    const delayed = async () => {
      const keys = await redis.admin.keys('{resolution-center:*}:deadlines:delayed');
      const counts = await Promise.all(keys.map((key) => redis.admin.zcard(key)));
      return counts.length === 2 && counts.every((count) => count > 0);
    };
    await waitFor('each has its jobs under its own prefix', delayed);
  });
});
