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

/**
 * Says whose a file is that this process may not use, and which command gives it back: one `sudo npm start` leaves files of root.
 * @returns null where it belongs to this user, or users do not count (root, Windows)
 */
export function adviceOnOwner(path: string): string | null {
  const uid = process.getuid?.() ?? 0;
  const owner = uid === 0 ? 0 : ownerOf(path);
  if (uid === 0 || owner === uid) return null;
  const part = partOfCheckout(path);
  return `${part} belongs to ${nameOf(owner)}: stop what that user runs on it, and then "sudo chown -R ${uid} ${part}"`;
}
