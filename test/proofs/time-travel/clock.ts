import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../../../src/dev/embedded/postgres.ts';
import { processesIn, sendSignal, waitForExit } from '../../../src/dev/embedded/processes.ts';
import { MIGRATIONS, migrate } from '../../../src/platform/postgres/migrations.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { waitFor } from '../../harness/wait-for.ts';

const LIBRARY = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`;

/** Whether this machine has what moves a server's clock: Debian's package faketime. */
export const canTravel = existsSync(LIBRARY);

// How long a connection goes by what it has read of the clock's file: after it, none goes by what stood there before.
const CACHE_S = 1;
const CACHE_MS = CACHE_S * 1_000 + 100;
const STOP_MS = 10_000;

/** A PostgreSQL of its own, whose clock a test moves. No other clock moves, and nothing in the service knows of it. */
export interface TravellingDatabase {
  readonly url: string;
  readonly query: <T extends object>(sql: string, values?: unknown[]) => Promise<T[]>;
  /** Sets the clock so many seconds before or behind the true time, and waits until the server has noticed. */
  readonly travelTo: (offsetSeconds: number) => Promise<void>;
  /**
   * The same, while no session can read or write a table. Connections notice a moved clock one after another: a claim that one of
   * them makes by the old clock has run out by the new one.
   */
  readonly travelWithout: (table: string, offsetSeconds: number) => Promise<void>;
}

async function restartWithClock(pid: number, stop: () => Promise<void>, file: string): Promise<number> {
  const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  const { uid, gid } = statSync(`/proc/${pid}`);
  await stop();
  const child = spawn(command, args, {
    ...(process.getuid?.() === 0 && { uid, gid }),
    cwd: '/',
    detached: true,
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      LC_ALL: 'C',
      TZ: 'UTC',
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: String(CACHE_S),
      // Timers and sleeps inside the server go on as if nothing had happened.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
  });
  child.unref();
  return child.pid ?? 0;
}

/** Starts the server, with the true time on its clock. It is stopped at the end of the test file. */
export async function startTravellingDatabase(): Promise<TravellingDatabase> {
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-clock-'));
  await chmod(home, 0o755);
  const server = await startPostgres({ dataDir: home, durable: false, say: () => {} });
  const file = join(home, 'clock');
  await writeFile(file, '+0', { mode: 0o644 });
  const pid = await restartWithClock(server.pid, server.stop, file);
  const pool = new pg.Pool({ connectionString: server.url, max: 2 });
  pool.on('error', () => {});
  onCleanup(async () => {
    await pool.end();
    process.kill(pid, 'SIGQUIT');
    // A server on a moved clock was seen to outlive SIGQUIT by more than ten seconds. Its data is deleted, so its end need not
    // be orderly.
    if (!(await waitForExit(pid, STOP_MS))) for (const left of await processesIn(home)) sendSignal(left, 'SIGKILL');
    await waitFor('the server is gone', () => !existsSync(`/proc/${pid}`));
    await rm(home, { recursive: true, force: true });
  });
  await waitFor('the server answers', async () => (await pool.query('SELECT 1').catch(() => null)) !== null);
  await migrate(server.url, MIGRATIONS);
  const offset = async () => {
    const { rows } = await pool.query<{ ms: number }>(
      'SELECT (extract(epoch from clock_timestamp()) * 1000)::float8 AS ms',
    );
    return ((rows[0]?.ms ?? 0) - Date.now()) / 1_000;
  };
  const travelTo = async (seconds: number) => {
    await writeFile(file, `${seconds < 0 ? '-' : '+'}${Math.abs(Math.round(seconds))}`);
    const written = performance.now();
    await waitFor('the clock has moved', async () => {
      return performance.now() - written > CACHE_MS && Math.abs((await offset()) - Math.round(seconds)) < 2;
    });
  };
  return {
    url: server.url,
    travelTo,
    travelWithout: async (table, seconds) => {
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      await travelTo(seconds);
      await client.query('COMMIT');
      client.release();
    },
    query: async <T extends object>(sql: string, values: unknown[] = []) => (await pool.query<T>(sql, values)).rows,
  };
}
