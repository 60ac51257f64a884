import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../../../src/dev/embedded/processes.ts';
import { onCleanup } from '../../../harness/cleanup.ts';

/** A Redis of a test's own, and its administrator's client. */
export interface ManagedRedis {
  readonly url: string;
  readonly admin: Redis;
  /** Makes or changes a user by ACL rules, and returns the URL with it. */
  readonly withUser: (rules: readonly string[]) => Promise<string>;
  /** How many connections it has been asked for so far. */
  readonly connections: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

export const REDIS_USER = 'service';
const PASSWORD = 'a-password-of-the-tests';

/** Starts one with these settings. It is killed at the end of the test file. */
export async function startManagedRedis(settings: Readonly<Record<string, string>> = {}): Promise<ManagedRedis> {
  const port = await freePort();
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-redis-'));
  const options = { port, bind: '127.0.0.1', dir: home, save: '', 'maxmemory-policy': 'noeviction', ...settings };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn('redis-server', args, { stdio: 'ignore', cwd: home });
  const admin = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  admin.on('error', () => {});
  const stop = async () => {
    admin.disconnect();
    child.kill('SIGKILL');
    await rm(home, { recursive: true, force: true });
  };
  onCleanup(stop);
  await admin.ping();
  const withUser = async (rules: readonly string[]) => {
    await admin.call('ACL', 'SETUSER', REDIS_USER, 'reset', 'on', `>${PASSWORD}`, ...rules);
    return `redis://${REDIS_USER}:${PASSWORD}@127.0.0.1:${port}`;
  };
  const connections = async () => Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1]);
  return { url: `redis://127.0.0.1:${port}`, admin, withUser, connections, stop };
}
