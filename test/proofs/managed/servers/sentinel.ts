import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../../../src/dev/embedded/processes.ts';
import { onCleanup } from '../../../harness/cleanup.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import { followsItsMaster } from './failover.ts';

/** A master with a replica, and a Sentinel that puts the one in the place of the other. */
export interface Watched {
  /** As the service is given it. */
  readonly url: string;
  readonly killMaster: () => void;
  /** Waits until the replica has been made the master. */
  readonly failedOver: () => Promise<void>;
}

async function ask<T>(port: number, work: (redis: Redis) => Promise<T>): Promise<T | null> {
  const redis = new Redis(port, '127.0.0.1', { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    await redis.connect();
    return await work(redis);
  } catch {
    return null;
  } finally {
    redis.disconnect();
  }
}

const answers = (port: number) => waitFor('it answers', () => ask(port, (redis) => redis.ping()));

/** Starts the three, each on a port of its own. They are killed at the end of the test file. */
export async function startWatchedRedis(): Promise<Watched> {
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-sentinel-'));
  await chmod(home, 0o755);
  const [master, replica, sentinel] = [await freePort(), await freePort(), await freePort()];
  const children: ChildProcess[] = [];
  onCleanup(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(home, { recursive: true, force: true });
  });
  const start = (...args: string[]) => {
    const child = spawn('redis-server', args, { stdio: 'ignore', cwd: home });
    children.push(child);
    return child;
  };
  const common = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
  // A replica that comes alone waits five seconds for others, unless told not to.
  const first = start('--port', String(master), '--repl-diskless-sync-delay', '0', ...common);
  start('--port', String(replica), ...common, '--replicaof', '127.0.0.1', String(master));
  const file = join(home, 'sentinel.conf');
  await writeFile(
    file,
    `port ${sentinel}
bind 127.0.0.1
dir ${home}
sentinel monitor watched 127.0.0.1 ${master} 1
sentinel down-after-milliseconds watched 1000
sentinel failover-timeout watched 5000
`,
  );
  await Promise.all([answers(master), answers(replica)]);
  // Sentinel asks the master for its replicas when it meets it, and not again for ten seconds.
  await waitFor('the replica follows the master', () => ask(replica, followsItsMaster));
  start(file, '--sentinel');
  await answers(sentinel);
  const current = () => ask(sentinel, (redis) => redis.call('SENTINEL', 'get-master-addr-by-name', 'watched'));
  await waitFor('Sentinel knows the replica', () =>
    ask(sentinel, async (redis) => ((await redis.call('SENTINEL', 'replicas', 'watched')) as unknown[]).length > 0),
  );
  return {
    url: `redis://127.0.0.1:${sentinel}/0?master=watched`,
    killMaster: () => void first.kill('SIGKILL'),
    failedOver: async () => {
      await waitFor(
        'the replica is the master',
        async () => String((await current()) ?? '').endsWith(`,${replica}`),
        20_000,
      );
    },
  };
}
