import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { type ServerOptions, startPostgres } from '../../src/dev/embedded/postgres.ts';
import { clusterOf } from '../../src/dev/embedded/postgres-home.ts';
import { waitForExit } from '../../src/dev/embedded/processes.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { dataDirectory, listen } from './embedded-directory.ts';

const isRoot = process.getuid?.() === 0;

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function start(dataDir: string, { say = () => {}, durable = false }: Partial<ServerOptions> = {}) {
  const server = await startPostgres({ dataDir, durable, say });
  onCleanup(server.stop);
  return server;
}

const keep = (url: string) => query(url, 'CREATE TABLE kept AS SELECT 42 AS n');
const kept = (url: string) => query(url, 'SELECT n FROM kept');

describe('the embedded PostgreSQL', () => {
  test('keeps its data over a restart, in UTF-8 and with a password', async () => {
    const dataDir = await dataDirectory();
    const first = await start(dataDir);
    await keep(first.url);
    expect(await query(first.url, 'SHOW server_encoding')).toEqual([{ server_encoding: 'UTF8' }]);
    const stranger = new URL(first.url);
    stranger.password = 'guess';
    await expect(query(stranger.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    await first.stop();
    await expect(query(first.url, 'SELECT 1')).rejects.toThrow();
    const second = await start(dataDir);
    expect(second.adopted).toBe(false);
    expect(await kept(second.url)).toEqual([{ n: 42 }]);
  });

  test.each([
    ['17', /has the data of PostgreSQL 17, and the development packages have PostgreSQL \d+: start the release/],
    ['', /is damaged, since its PG_VERSION is missing or empty: restore it, or move .* away/],
  ])('does not start on data of another major version (%j), and says what to do', async (version, line) => {
    const dataDir = await dataDirectory();
    const first = await start(dataDir);
    await first.stop();
    await writeFile(join(await clusterOf(dataDir), 'PG_VERSION'), version);
    await expect(start(dataDir)).rejects.toThrow(line);
  });

  test('is adopted when the process that started it has gone', async () => {
    const dataDir = await dataDirectory();
    const orphan = await start(dataDir);
    const again = await start(dataDir);
    expect(again).toMatchObject({ adopted: true, pid: orphan.pid, url: orphan.url });
  });

  test('starts again with its data after it was killed in the middle of a query', async () => {
    const dataDir = await dataDirectory();
    const killed = await start(dataDir, { durable: true });
    await keep(killed.url);
    const broken = expect(query(killed.url, 'SELECT pg_sleep(60)')).rejects.toThrow();
    process.kill(killed.pid, 'SIGKILL');
    await broken;
    const again = await start(dataDir);
    expect(again.adopted).toBe(false);
    expect(await kept(again.url)).toEqual([{ n: 42 }]);
  });

  test('starts although the pid of a killed one belongs to an unrelated process now', async () => {
    const dataDir = await dataDirectory();
    const killed = await start(dataDir);
    const pidFile = join(await clusterOf(dataDir), 'postmaster.pid');
    const record = await readFile(pidFile, 'utf8');
    const { uid, gid } = await stat(pidFile);
    process.kill(killed.pid, 'SIGKILL');
    await waitForExit(killed.pid, 5_000);
    // Of the same user, because only such a one looks alive to PostgreSQL.
    const unrelated = spawn('sleep', ['600'], { cwd: '/', stdio: 'ignore', ...(isRoot && { uid, gid }) });
    onCleanup(async () => void unrelated.kill());
    await once(unrelated, 'spawn');
    await writeFile(pidFile, record.replace(/^\d+/, String(unrelated.pid)));
    const again = await start(dataDir);
    expect(again.adopted).toBe(false);
    expect(await query(again.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    expect(unrelated.exitCode ?? unrelated.signalCode).toBeNull();
  });

  test('makes its cluster anew when the making was interrupted', async () => {
    const dataDir = await dataDirectory();
    const leftover = join(dataDir, 'unfinished-cluster-abc');
    await mkdir(join(leftover, 'data'), { recursive: true });
    await writeFile(join(leftover, 'data/PG_VERSION'), '18\n');
    const server = await start(dataDir);
    expect(await query(server.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    await expect(stat(leftover)).rejects.toThrow(/ENOENT/);
  });

  (isRoot ? test : test.skip)('keeps the data of root where another account can reach it', async () => {
    const closed = await dataDirectory();
    const dataDir = join(closed, '.data');
    await chmod(closed, 0o700);
    const { lines, say } = listen();
    const first = await start(dataDir, { say });
    const elsewhere = dirname(await clusterOf(dataDir));
    onCleanup(() => rm(elsewhere, { recursive: true, force: true }));
    onCleanup(first.stop);
    expect(lines).toEqual([expect.stringContaining(elsewhere)]);
    await keep(first.url);
    await first.stop();
    const second = await start(dataDir, { say });
    expect(await kept(second.url)).toEqual([{ n: 42 }]);
    expect(lines).toHaveLength(1);
    await second.stop();
  });
});
