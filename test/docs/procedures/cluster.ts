import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onCleanup } from '../../harness/cleanup.ts';
import { reservedPort } from './ports.ts';

const run = promisify(execFile);
const DEBIAN = '/usr/lib/postgresql';

/**
 * The directory with the programs of a PostgreSQL of this machine, the newest; undefined where there is none. The development packages
 * have no pg_basebackup, and one of another version does not copy their server.
 */
export function findPrograms(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => join(DEBIAN, version, 'bin'))
    .find((bin) => ['pg_basebackup', 'pg_ctl', 'initdb'].every((name) => existsSync(join(bin, name))));
}

/** PostgreSQL refuses to run as root: then the account of Debian's packages runs it. */
function accountForServers(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  if (line === null) throw new Error('there is no account postgres');
  return { uid: Number(line[1]), gid: Number(line[2]) };
}

/** A PostgreSQL as its package leaves it. */
export interface Cluster {
  /** Its superuser. */
  readonly url: string;
  readonly account: { readonly uid: number; readonly gid: number } | undefined;
  /** Where its WAL is archived, and where its base backups are. */
  readonly archive: string;
  readonly backups: string;
  /** What the commands of a page need to find it. */
  readonly env: Readonly<Record<string, string>>;
}

/** Makes and starts a cluster below a directory. It is stopped at the end of the test file. */
export async function startCluster(home: string, bin: string): Promise<Cluster> {
  const account = accountForServers();
  const own = join(home, 'postgres');
  const [data, archive, backups] = ['main', 'wal', 'base'].map((name) => join(own, name)) as [string, string, string];
  const passwordFile = join(own, 'password');
  for (const directory of [own, archive, backups]) {
    await mkdir(directory);
    if (account !== undefined) await chown(directory, account.uid, account.gid);
  }
  await writeFile(passwordFile, 'superuser\n');
  const [env, port] = [{ PATH: `${bin}:${process.env['PATH'] ?? ''}`, LC_ALL: 'C', TZ: 'UTC' }, await reservedPort()];
  const as = (program: string, args: readonly string[]) =>
    run(join(bin, program), [...args], { ...account, env, cwd: '/' });
  await as('initdb', [
    ...['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile],
    ...['-E', 'UTF8', '--no-sync'],
  ]);
  const settings = `port = ${port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n`;
  await appendFile(join(data, 'postgresql.conf'), settings);
  onCleanup(async () => void (await as('pg_ctl', ['-D', data, '-w', '-s', 'stop', '-m', 'immediate']).catch(() => {})));
  await as('pg_ctl', ['-D', data, '-w', '-s', 'start', '-l', join(own, 'postgres.log')]);
  return {
    url: `postgres://postgres:superuser@127.0.0.1:${port}/postgres`,
    account,
    archive,
    backups,
    env: { ...env, PGDATA: data, ARCHIVE: archive, BACKUPS: backups },
  };
}
