import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** The text of a small file, or undefined when there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What a directory lists survives a crash of the machine only when it is written, too. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined); // Windows opens no directories
  await directory?.sync().catch(() => {});
  await directory?.close();
}

/** Writes a file beside its place, readable by its owner only, and puts it there once it is on the disk. */
async function put(path: string, text: string, place: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await place(draft);
  } finally {
    await rm(draft, { force: true });
  }
  await syncDirectory(dirname(path));
}

/** Writes a small file so that a reader sees the old text or the new, and a crash leaves one of both: never a part. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await put(path, text, (draft) => rename(draft, path));
}

/** Makes a small file unless it is there. It is never seen empty or in part, also not after a crash. */
export async function createFile(path: string, text: string): Promise<void> {
  await put(path, text, async (draft) => {
    try {
      await link(draft, path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error; // another process was first: its text counts
    }
  });
}
