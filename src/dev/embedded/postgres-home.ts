import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, realpath, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { adviceOnOwner } from '../../platform/ownership.ts';
import { readIfPresent, replaceFile } from '../../platform/small-files.ts';
import { ownerOf } from './files.ts';
import type { Say } from './processes.ts';

/** The account that runs PostgreSQL in our stead, because PostgreSQL refuses to run as root. */
export type Account = { name: string; uid: number; gid: number };

/** Where the cluster lives and who runs it; no account means the account of this process. */
export type PostgresHome = { path: string; account: Account | undefined };

/** The directory of the cluster that belongs to a data directory, whether it exists or not. */
export async function clusterOf(dataDir: string): Promise<string> {
  const file = join(dataDir, 'postgres-home');
  const home = (await readIfPresent(file))?.trim() ?? (await realpath(dataDir));
  if (home === '') throw new Error(`${file} is empty: it names the directory of the data of PostgreSQL; restore it`);
  return join(home, 'postgres');
}

/**
 * Finds or makes the place for the cluster: the data directory, or, when it lies under a directory that the
 * account may not enter (a checkout in /root), a directory of its own that the data directory remembers.
 * @throws when the data directory cannot be made or an existing cluster cannot be reached
 */
export async function preparePostgresHome(dataDir: string, durable: boolean, say: Say): Promise<PostgresHome> {
  await mkdir(dataDir, { recursive: true });
  const cluster = await clusterOf(dataDir);
  const home = dirname(cluster);
  const owner = await ownerOf(cluster);
  if (process.getuid?.() !== 0) {
    if (owner === undefined || owner === process.getuid?.()) return { path: home, account: undefined };
    throw new Error(adviceOnOwner(cluster) ?? `${cluster} belongs to another user (uid ${owner})`);
  }
  const own = await realpath(dataDir);
  const candidates = listCandidates(owner ?? (await ownerOf(dirname(own))), owner !== undefined);
  if (home === own) await chmod(own, (await stat(own)).mode | 0o011);
  for (const account of candidates) if (await mayReach(home, account)) return { path: home, account };
  if (owner !== undefined) throw new Error(`${cluster} lies where ${candidates[0]?.name} may not enter: move it back`);
  const path = await makeHomeElsewhere(dataDir, durable);
  say(`PostgreSQL does not run as root, and only root may enter ${dirname(own)}: its data goes to ${path}`);
  return { path, account: candidates.at(-1) };
}

/** Only the owner of the cluster; without a cluster the owner of the checkout, `postgres`, `nobody`. */
function listCandidates(ownerUid: number | undefined, ownerOnly: boolean): Account[] {
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter((account) => account.uid > 0);
  const owner = accounts.filter((account) => account.uid === ownerUid);
  const spare = ['nobody', 'postgres'].flatMap((name) => accounts.filter((account) => account.name === name));
  const found = ownerOnly ? owner : [...owner, ...spare.reverse()];
  if (found.length === 0) throw new Error('PostgreSQL does not run as root, and there is no other user to run it');
  return found;
}

/** Whether an account may enter every directory from the root down to this one. */
async function mayReach(directory: string, account: Account): Promise<boolean> {
  for (let at = directory; ; at = dirname(at)) {
    const { uid, gid, mode } = await stat(at);
    const enter = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & enter) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function makeHomeElsewhere(dataDir: string, durable: boolean): Promise<string> {
  // Not /var/tmp first: some systems remove files there that were not touched for a month.
  for (const parent of durable ? ['/var/lib', '/var/tmp'] : [tmpdir(), '/tmp']) {
    const path = await mkdtemp(join(parent, 'resolution-center-')).catch(() => undefined);
    if (path === undefined) continue;
    await chmod(path, 0o711);
    await replaceFile(join(dataDir, 'postgres-home'), `${path}\n`);
    return path;
  }
  throw new Error('found no directory for the data of PostgreSQL: set DATABASE_URL');
}
