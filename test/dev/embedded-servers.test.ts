import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findPostgres } from '../../src/dev/embedded/postgres.ts';
import { findRedis } from '../../src/dev/embedded/redis.ts';
import { startEmbedded } from '../../src/dev/embedded/servers.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { runFile } from '../harness/process.ts';
import { waitFor } from '../harness/wait-for.ts';
import { dataDirectory } from './embedded-directory.ts';

type Urls = { databaseUrl?: string; redisUrl?: string };

async function directory(): Promise<string> {
  const dataDir = await dataDirectory();
  onCleanup(async () => {
    for (const server of await running(dataDir)) await server?.stop();
  });
  return dataDir;
}

const running = (dataDir: string) => Promise.all([findPostgres(dataDir), findRedis(dataDir)]);

/** Starts a process that uses the servers of a directory. */
async function enter(dataDir: string, need: 'both' | 'redis' | 'postgres' = 'both') {
  const user = runFile('test/dev/embedded-user.ts', [dataDir, need], { env: {} });
  const ended = user.exited.then(() => Promise.reject(new Error(`the user ended: ${user.stderr()}`)));
  const line = waitFor('the servers run', () => /^\{.*\}$/m.exec(user.stdout())?.[0]);
  const urls = JSON.parse(await Promise.race([line, ended])) as Urls;
  const leave = async (signal: NodeJS.Signals) => {
    user.child.kill(signal);
    return await user.exited;
  };
  ended.catch(() => {});
  return { urls, leave };
}

describe('the embedded servers of a checkout', () => {
  test('are shared by two processes that start at once, and stopped by the last one to leave', async () => {
    const dataDir = await directory();
    const [one, other] = await Promise.all([enter(dataDir), enter(dataDir)]);
    expect(one.urls).toEqual(other.urls);
    const [postgres, redis] = await running(dataDir);
    expect(one.urls).toEqual({ databaseUrl: postgres?.url, redisUrl: redis?.url });
    expect(await one.leave('SIGTERM')).toEqual({ code: 0, signal: null });
    expect((await running(dataDir)).map((server) => server?.pid)).toEqual([postgres?.pid, redis?.pid]);
    expect(await other.leave('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await running(dataDir)).toEqual([undefined, undefined]);
  });

  test('outlive a killed process, are adopted by the next, and do not wait for the dead', async () => {
    const dataDir = await directory();
    const killed = await enter(dataDir);
    await killed.leave('SIGKILL');
    const next = await enter(dataDir);
    expect(next.urls).toEqual(killed.urls);
    await next.leave('SIGTERM');
    expect(await running(dataDir)).toEqual([undefined, undefined]);
  });

  test('start after everything was killed at once', async () => {
    const dataDir = await directory();
    const killed = await enter(dataDir);
    for (const server of await running(dataDir)) process.kill(server?.pid ?? 0, 'SIGKILL');
    await killed.leave('SIGKILL');
    const next = await enter(dataDir);
    expect(next.urls).not.toEqual(killed.urls);
    await next.leave('SIGTERM');
    expect(await running(dataDir)).toEqual([undefined, undefined]);
  });

  test('are all stopped by the last one to leave, also those that it did not use', async () => {
    const dataDir = await directory();
    const [both, one] = await Promise.all([enter(dataDir), enter(dataDir, 'redis')]);
    await both.leave('SIGTERM');
    expect(await running(dataDir)).not.toContain(undefined);
    await one.leave('SIGTERM');
    expect(await running(dataDir)).toEqual([undefined, undefined]);
  });

  test('start although a process died that was about to start them', async () => {
    const dataDir = await directory();
    await writeFile(join(dataDir, 'servers.lock'), `${process.pid} started-at-another-time`);
    const [one, other] = await Promise.all([enter(dataDir, 'redis'), enter(dataDir, 'redis')]);
    expect(one.urls).toEqual(other.urls);
    expect(one.urls.databaseUrl).toBeUndefined();
    await Promise.all([one.leave('SIGTERM'), other.leave('SIGTERM')]);
    expect(await running(dataDir)).toEqual([undefined, undefined]);
  });

  test('say what to set where nothing can be written', async () => {
    const file = join(await dataDirectory(), 'file');
    await writeFile(file, '');
    const start = (needPostgres: boolean) =>
      startEmbedded({ dataDir: join(file, 'data'), needPostgres, needRedis: true, say: () => {} });
    await expect(start(true)).rejects.toThrow(/^set DATABASE_URL and REDIS_URL: .*ENOTDIR/);
    await expect(start(false)).rejects.toThrow(/^set REDIS_URL: /);
  });
});
