import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfPresent } from '../../platform/small-files.ts';
import { startPostgres, stopPostgres } from './postgres.ts';
import { poll, processIdentity, type Say } from './processes.ts';
import { startRedis, stopRedis } from './redis.ts';

export interface Needs {
  readonly dataDir: string;
  readonly needPostgres: boolean;
  readonly needRedis: boolean;
  readonly say: Say;
  /** Calls the start off: servers that no other process uses are stopped, and the start rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The servers of a checkout. All its processes share them; the last one to leave stops them. */
export interface EmbeddedServers {
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  /** Leaves, and stops the servers unless another process uses them. */
  readonly stop: () => Promise<void>;
}

const LOCK_MS = 60_000;

const me = (): string => `${process.pid} ${processIdentity(process.pid) ?? ''}`;

function isAlive(name: string): boolean {
  const [pid, identity] = name.split(' ');
  return processIdentity(Number(pid)) === identity;
}

/**
 * Takes away the lock of a process that died. Two may want to at once, so each moves it to a name of its own and looks at
 * what it got: a lock that another has taken in the meantime is put back.
 */
async function takeAwayFromTheDead(lockFile: string): Promise<void> {
  const holder = await readIfPresent(lockFile);
  if (holder === undefined || isAlive(holder)) return;
  const moved = `${lockFile}.${randomUUID()}`;
  try {
    await rename(lockFile, moved);
    if (isAlive(await readFile(moved, 'utf8'))) await link(moved, lockFile);
  } catch {
    // another was faster
  } finally {
    await rm(moved, { force: true });
  }
}

/** Does something while no other process of this checkout starts or stops servers; one that died does not count. */
async function alone<T>(dataDir: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const lockFile = join(dataDir, 'servers.lock');
  const draft = `${lockFile}.${randomUUID()}`;
  await writeFile(draft, me());
  const lock = async () => {
    try {
      await link(draft, lockFile); // fails if it is there, and is never seen without its text
      return true;
    } catch {
      await takeAwayFromTheDead(lockFile);
      return undefined;
    }
  };
  const locked = await poll(LOCK_MS, lock, signal).finally(() => rm(draft, { force: true }));
  if (locked === undefined) throw new Error(`another process holds ${lockFile}; delete it if there is none`);
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}

async function forgetTheDead(users: string): Promise<string[]> {
  const names = await readdir(users);
  const dead = names.filter((name) => !isAlive(name));
  await Promise.all(dead.map((name) => rm(join(users, name), { force: true })));
  return names.filter((name) => !dead.includes(name));
}

/** Starts both at once, as far as they are needed, and waits for the end of both starts also where one has failed. */
async function startBoth({ dataDir, needPostgres, needRedis, say, signal }: Needs) {
  const options = { dataDir, durable: true, say, signal };
  const starting = [needPostgres ? startPostgres(options) : undefined, needRedis ? startRedis(options) : undefined];
  const outcomes = await Promise.allSettled(starting);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const [postgres, redis] = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : undefined));
  return { postgres, redis };
}

/** Stops the servers unless a living process uses them; also servers that only processes used that have left before. */
async function stopUnused(dataDir: string, users: string): Promise<void> {
  if ((await forgetTheDead(users)).length > 0) return;
  await Promise.all([stopPostgres(dataDir), stopRedis(dataDir)]);
}

/** Makes the directory in which processes meet; where nothing can be written, as in a container, it says what to set. */
async function makePlace({ dataDir, needPostgres, needRedis }: Needs): Promise<string> {
  const users = join(dataDir, 'users');
  try {
    await mkdir(users, { recursive: true });
  } catch (error) {
    if (existsSync(dataDir)) throw error;
    const unset = [needPostgres && 'DATABASE_URL', needRedis && 'REDIS_URL'].filter((name) => name !== false);
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`set ${unset.join(' and ')}: there is no place for servers of its own (${message})`);
  }
  return users;
}

/**
 * Starts the servers that a process without configuration needs, or joins those that run for this checkout.
 * @throws Error with one line that says what to install or set
 */
export async function startEmbedded(needs: Needs): Promise<EmbeddedServers> {
  const { dataDir, signal } = needs;
  const users = await makePlace(needs);
  const leave = async () => {
    await rm(join(users, me()), { force: true });
    await stopUnused(dataDir, users);
  };
  const enter = async () => {
    try {
      const { postgres, redis } = await startBoth(needs);
      await writeFile(join(users, me()), '');
      return { postgres, redis };
    } catch (error) {
      await leave();
      throw error;
    }
  };
  const { postgres, redis } = await alone(dataDir, enter, signal);
  return {
    ...(postgres !== undefined && { databaseUrl: postgres.url }),
    ...(redis !== undefined && { redisUrl: redis.url }),
    stop: () => alone(dataDir, leave),
  };
}
