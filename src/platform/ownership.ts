import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { ROOT } from './root.ts';

/** The name of a user; its number where it has none here. */
function nameOf(uid: number): string {
  try {
    const users = readFileSync('/etc/passwd', 'utf8').split('\n');
    return users.map((line) => line.split(':')).find(([, , id]) => id === String(uid))?.[0] ?? `uid ${uid}`;
  } catch {
    return `uid ${uid}`;
  }
}

/** The owner of a file, or of the nearest directory above it that can be looked at. */
function ownerOf(path: string): number {
  try {
    return statSync(path).uid;
  } catch (error) {
    if (path === dirname(path)) throw error;
    return ownerOf(dirname(path));
  }
}

/** What of the checkout a path belongs to, such as `.data`; the path itself elsewhere. */
function partOfCheckout(path: string): string {
  const [part = '..'] = relative(ROOT, path).split(sep);
  return part === '..' || part === '' ? path : join(ROOT, part);
}

/** Whether its permissions, or those of a directory up to `part`, keep users from reading a file who do not own it. */
function isClosed(path: string, part: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  const wanted = stats?.isDirectory() === true ? 0o005 : 0o004;
  if (stats !== undefined && (stats.mode & wanted) !== wanted) return true;
  return path !== part && isClosed(dirname(path), part);
}

/** The same where a directory above may not be searched, which is closed then. */
function keepsOthersOut(path: string, part: string): boolean {
  try {
    return isClosed(path, part);
  } catch {
    return true;
  }
}

/** What the service writes itself and keeps to its user: to open it to others would not help. */
const OWN_DATA = join(ROOT, '.data');

/**
 * Says whose a file is that this process may not use, and which command mends that: one `sudo npm start` leaves files of root, and a
 * release that was copied under `umask 077` is closed to the user of the service.
 * @returns null where it belongs to this user, or users do not count (root, Windows)
 */
export function adviceOnOwner(path: string): string | null {
  const uid = process.getuid?.() ?? 0;
  const owner = uid === 0 ? 0 : ownerOf(path);
  if (uid === 0 || owner === uid) return null;
  const part = partOfCheckout(path);
  if (part !== OWN_DATA && keepsOthersOut(path, part)) {
    return `${part} is closed to users other than ${nameOf(owner)}: "sudo chmod -R go+rX ${part}"`;
  }
  return `${part} belongs to ${nameOf(owner)}: stop what that user runs on it, and then "sudo chown -R ${uid} ${part}"`;
}
