import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../../src/dev/embedded/postgres.ts';
import { processesIn, processIdentity, sendSignal, waitForExit } from '../../../src/dev/embedded/processes.ts';
import { startRedis } from '../../../src/dev/embedded/redis.ts';
import { buildService } from './build.ts';

/** The servers and the build of one run of the tests, in a directory of their own. */
export interface Run {
  readonly directory: string;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  /** Where `dist/main.js` is started. */
  readonly serviceDirectory: string;
  readonly stop: () => Promise<void>;
}

// With the process that made it in its name, so that a later run can tell whether it is still in use.
const PREFIX = 'resolution-center-tests-';
const STOP_MS = 10_000;

/** Clears away what a run left behind that was killed before it could do so itself. */
async function removeAbandoned(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX));
  const abandoned = names.filter(
    (name) => processIdentity(Number(name.slice(PREFIX.length).split('-')[0])) === undefined,
  );
  for (const name of abandoned) {
    const directory = join(tmpdir(), name);
    const pids = await processesIn(directory);
    for (const pid of pids) sendSignal(pid, 'SIGQUIT');
    await Promise.all(pids.map((pid) => waitForExit(pid, STOP_MS)));
    await rm(directory, { recursive: true, force: true });
  }
}

/** Builds the service, and starts a PostgreSQL and a Redis that forget everything when the run is over. */
export async function startRun(): Promise<Run> {
  await removeAbandoned();
  const directory = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const options = { dataDir: directory, durable: false, say };
  const [postgres, redis, serviceDirectory] = await Promise.all([
    startPostgres(options),
    startRedis(options),
    buildService(directory),
  ]);
  const stop = async () => {
    await Promise.all([postgres.stop(), redis.stop()]);
    await rm(directory, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void stop().finally(() => process.kill(process.pid, signal)));
  }
  return { directory, postgresUrl: postgres.url, redisUrl: redis.url, serviceDirectory, stop };
}
