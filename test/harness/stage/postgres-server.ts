import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startPostgres } from '../../../src/dev/embedded/postgres.ts';
import { waitFor } from '../wait-for.ts';
import { movedClock } from './programs.ts';

/** A PostgreSQL with its durable settings, which can crash and comes back at the same address. */
export interface PostgresServer {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Its first process. */
  readonly pid: () => number;
  /** Kills it as a crash would and starts it again; resolves when it answers. */
  readonly crash: (downMs: number) => Promise<void>;
  /** Kills it as a crash would; resolves when it is gone. */
  readonly kill: () => Promise<void>;
  /** Starts it again after a kill; resolves when it answers. */
  readonly revive: () => Promise<void>;
  /** Sets its clock so many seconds before or behind the true time. */
  readonly setClock: (offsetSeconds: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** What was started, ready to be started again: the same program with the same arguments, by the same user. */
function revival(pid: number, extra: Readonly<Record<string, string>>): () => void {
  const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  const { uid, gid } = statSync(`/proc/${pid}`);
  const account = process.getuid?.() === 0 ? { uid, gid } : {};
  const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC', ...extra };
  return () => spawn(command, args, { ...account, cwd: '/', env, detached: true, stdio: 'ignore' }).unref();
}

async function pidOf(pool: pg.Pool, home: string): Promise<number | undefined> {
  try {
    await pool.query('SELECT 1');
    return Number(readFileSync(join(home, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return undefined;
  }
}

/** Starts it; with a clock that can be moved, if that is wanted. */
export async function startServer(home: string, movableClock: boolean): Promise<PostgresServer> {
  const { url, pid: firstPid } = await startPostgres({ dataDir: home, durable: true, say: () => {} });
  const pool = new pg.Pool({ connectionString: url, max: 8, application_name: 'faults', query_timeout: 40_000 });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const clockFile = join(home, 'clock');
  await writeFile(clockFile, '+0', { mode: 0o644 });
  let pid = firstPid;
  const startAgain = revival(pid, movableClock ? movedClock({ asFileSays: clockFile }) : {});
  const end = async () => {
    process.kill(pid, 'SIGQUIT');
    await waitFor('postgres is gone', () => !existsSync(`/proc/${pid}`));
  };
  const revive = async () => {
    startAgain();
    pid = await waitFor('postgres is back', async () => await pidOf(pool, home), 60_000);
  };
  const crash = async (downMs: number) => {
    await end();
    await sleep(downMs);
    await revive();
  };
  if (movableClock) await crash(0);
  return {
    url,
    pool,
    pid: () => pid,
    crash,
    kill: end,
    revive,
    setClock: (seconds) => writeFile(clockFile, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}`),
    stop: async () => {
      await pool.end().catch(() => {});
      await end();
    },
  };
}
