import { appendFile, readdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { waitForExit } from '../../src/dev/embedded/processes.ts';
import { findOnPath, startRedis } from '../../src/dev/embedded/redis.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { dataDirectory, listen } from './embedded-directory.ts';

const PATH = process.env['PATH'] ?? '';
const withServer = (await findOnPath(['valkey-server', 'redis-server'])) === undefined ? test.skip : test;

async function using<T>(url: string, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1, retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    return await ask(redis);
  } finally {
    if (redis.status !== 'end') redis.disconnect();
  }
}

async function start(dataDir: string, say: (line: string) => void = () => {}) {
  const server = await startRedis({ dataDir, durable: true, say });
  onCleanup(server.stop);
  return server;
}

const kept = (url: string) => using(url, (redis) => redis.get('kept'));

async function killed(dataDir: string): Promise<void> {
  const { url, pid } = await start(dataDir);
  await using(url, (redis) => redis.set('kept', '42'));
  process.kill(pid, 'SIGKILL');
  await waitForExit(pid, 5_000);
}

/** The file that takes the commands, among those of the append-only log. */
async function commandFile(dataDir: string): Promise<string> {
  const directory = join(dataDir, 'redis/appendonlydir');
  const name = (await readdir(directory)).find((file) => file.endsWith('.incr.aof'));
  return join(directory, name ?? '');
}

describe('the embedded Redis', () => {
  afterEach(() => {
    process.env['PATH'] = PATH;
  });

  withServer('keeps its data over a restart, and evicts nothing', async () => {
    const dataDir = await dataDirectory();
    const first = await start(dataDir);
    await using(first.url, (redis) => redis.set('kept', '42'));
    expect(await using(first.url, (redis) => redis.config('GET', 'maxmemory-policy'))).toContain('noeviction');
    await first.stop();
    await expect(kept(first.url)).rejects.toThrow();
    const second = await start(dataDir);
    expect(second).toMatchObject({ adopted: false, kind: 'server' });
    expect(await kept(second.url)).toBe('42');
  });

  withServer('starts again after it was killed with half a command in its file', async () => {
    const dataDir = await dataDirectory();
    await killed(dataDir);
    await appendFile(await commandFile(dataDir), '*3\r\n$3\r\nSET\r\n$4\r\nha');
    expect(await kept((await start(dataDir)).url)).toBe('42');
  });

  withServer('sets a file aside that it cannot read, says so, and starts empty', async () => {
    const dataDir = await dataDirectory();
    await killed(dataDir);
    await writeFile(await commandFile(dataDir), 'no commands at all\r\n*1\r\n$4\r\nPING\r\n');
    const { lines, say } = listen();
    expect(await kept((await start(dataDir, say)).url)).toBeNull();
    expect(lines).toEqual([expect.stringContaining('appendonlydir.damaged-')]);
  });

  withServer('is adopted when the process that started it has gone', async () => {
    const dataDir = await dataDirectory();
    const orphan = await start(dataDir);
    expect(await start(dataDir)).toMatchObject({ adopted: true, pid: orphan.pid, url: orphan.url });
  });

  withServer('blames no file for a program that does not start', async () => {
    const dataDir = await dataDirectory();
    await killed(dataDir);
    const programs = await dataDirectory();
    await writeFile(join(programs, 'valkey-server'), '#!/bin/sh\necho "no such library" >&2\nexit 1\n', {
      mode: 0o755,
    });
    process.env['PATH'] = [programs, PATH].join(delimiter);
    await expect(start(dataDir)).rejects.toThrow(/no such library/);
    process.env['PATH'] = PATH;
    expect(await kept((await start(dataDir)).url)).toBe('42');
  });

  test('lives in memory where no server is installed, says so once, and is adopted as well', async () => {
    const dataDir = await dataDirectory();
    process.env['PATH'] = '';
    const { lines, say } = listen();
    const first = await start(dataDir, say);
    expect(first.kind).toBe('in_memory');
    expect(lines).toEqual([expect.stringContaining('in memory')]);
    await using(first.url, (redis) => redis.set('kept', '42'));
    const second = await start(dataDir, say);
    expect(second).toMatchObject({ adopted: true, kind: 'in_memory', pid: first.pid });
    expect(await kept(second.url)).toBe('42');
    await second.stop();
    expect(await waitForExit(first.pid, 5_000)).toBe(true);
    expect(lines).toHaveLength(1);
  });
});
