import { realpathSync, statSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { startPostgres } from '../../../src/dev/embedded/postgres.ts';
import { findOnPath, startRedis } from '../../../src/dev/embedded/redis.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { killProcessesOf } from '../../harness/programs/left-behind.ts';
import { serviceDirectory } from '../../harness/run/servers.ts';
import { reservedPort } from './ports.ts';
import { openShell, type Shell } from './shell.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PROGRAMS = ['psql', 'redis-cli', 'openssl', 'curl', 'redis-server'];

/** Programs of the pages that this machine does not have. */
export async function missingPrograms(more: readonly string[] = []): Promise<string[]> {
  const names = [...PROGRAMS, ...more];
  const found = await Promise.all(names.map((name) => findOnPath([name])));
  return names.filter((_name, index) => found[index] === undefined);
}

/** Whether another user may read a file: every directory above it can be entered, too. */
function isForOthers(path: string): boolean {
  const above = dirname(path);
  const wanted = statSync(path).isDirectory() ? 0o005 : 0o004;
  return (statSync(path).mode & wanted) === wanted && (above === path || isForOthers(above));
}

/** The words before a command that run it as a user who owns nothing; none where we may not do that, or he could not read the packages. */
async function asAnotherUser(): Promise<string> {
  const mayBe = process.getuid?.() === 0 && (await findOnPath(['setpriv'])) !== undefined;
  const isReadable = [process.execPath, join(ROOT, 'node_modules')]
    .map((path) => realpathSync(path))
    .every(isForOthers);
  return mayBe && isReadable ? 'setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs' : '';
}

/** Where the pages put things, on a machine of a test's own. */
export interface Host {
  readonly home: string;
  readonly shell: Shell;
  /** One more shell, as a reader opens it: without some of the variables, and going on after errors. */
  readonly readersShell: (...without: string[]) => Shell;
  /** The database of the service, for its administrator. */
  readonly database: string;
  /** A page's command with the ports and directories of this host. */
  readonly here: (code: string) => string;
  /** The address of what listens at a port of the pages. */
  readonly at: (port: number) => string;
}

/** The ports of the pages. */
const PORTS = [3001, 3002, 3101, 9001, 9002, 9101];

/** What the build writes, which the run has built already; the other commands change the machine. */
const NO_OPERATION = '#!/bin/sh\n';

async function makeCommands(home: string): Promise<string> {
  const bin = join(home, 'bin');
  await mkdir(bin);
  await copyFile(join(import.meta.dirname, 'systemctl.sh'), join(bin, 'systemctl'));
  const absent = (await findOnPath(['promtool'])) === undefined ? ['promtool'] : [];
  const stubs = ['npm', 'useradd', ...absent];
  for (const name of stubs) await writeFile(join(bin, name), NO_OPERATION);
  for (const name of ['systemctl', ...stubs]) await chmod(join(bin, name), 0o755);
  return bin;
}

/** The checkout of a release, built: what its build has made, and the files that the pages copy. */
async function makeCheckout(home: string): Promise<string> {
  const checkout = join(home, 'checkout');
  await cp(serviceDirectory(), checkout, { recursive: true, verbatimSymlinks: true });
  await symlink(join(ROOT, 'ops'), join(checkout, 'ops'));
  return checkout;
}

/** Makes a directory for a host. At the end of the test file its processes are killed, and it is removed. */
export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-host-'));
  onCleanup(async () => {
    await killProcessesOf(home);
    await rm(home, { recursive: true, force: true });
  });
  await chmod(home, 0o755);
  return home;
}

/**
 * A host with PostgreSQL and Redis, on which nothing is deployed yet.
 * @param given the address of the server's superuser, where it is not to be the PostgreSQL of the development packages
 */
export async function makeHost(home: string, given?: string): Promise<Host> {
  const servers = { dataDir: join(home, 'servers'), durable: false, say: () => {} };
  const [postgres, redis] = await Promise.all([
    given === undefined ? startPostgres(servers) : { url: given, stop: async () => {} },
    startRedis(servers),
  ]);
  onCleanup(async () => void (await Promise.all([postgres.stop(), redis.stop()])));
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('CREATE DATABASE resolution_center');
  await client.end();
  const admin = new Redis(redis.url);
  await admin.config('SET', 'requirepass', 'first-password');
  admin.disconnect();

  const database = new URL(postgres.url);
  database.pathname = '/resolution_center';
  const redisUrl = new URL(redis.url);
  [redisUrl.username, redisUrl.password] = ['default', 'first-password'];
  const ports = new Map(await Promise.all(PORTS.map(async (port) => [port, await reservedPort()] as const)));
  const directories = { APP: join(home, 'app'), CONFIG: join(home, 'config'), PROMETHEUS: join(home, 'prometheus') };
  const units = join(home, 'units');
  for (const directory of [units, directories.PROMETHEUS]) await mkdir(directory);
  const here = (code: string) =>
    code
      .replaceAll('/etc/systemd/system', units)
      .replaceAll(/\b(?:3001|3002|3101|9001|9002|9101)\b/g, (port) => String(ports.get(Number(port))));
  const [cwd, account] = [await makeCheckout(home), await asAnotherUser()];
  const env: Readonly<Record<string, string>> = {
    PATH: `${await makeCommands(home)}:${process.env['PATH'] ?? ''}`,
    HOME: home,
    ...directories,
    ...{ UNITS: units, NODE: process.execPath, AS_ACCOUNT: account },
    DATABASE_ADMIN: database.href,
    DATABASE: `${database.host}${database.pathname}`,
    REDIS_URL: redisUrl.href,
  };
  const readersShell = (...without: string[]) => {
    const left = Object.entries(env).filter(([name]) => !without.includes(name));
    return openShell({ cwd, env: Object.fromEntries(left), goesOn: true });
  };
  return {
    ...{ home, shell: openShell({ cwd, env }), readersShell, here, database: database.href },
    at: (port) => `http://127.0.0.1:${ports.get(port)}`,
  };
}
