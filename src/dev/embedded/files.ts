import { type FileHandle, open, readFile, stat } from 'node:fs/promises';

/** Who owns a file, or undefined when there is none. */
export async function ownerOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.uid;
}

const LOG_LIMIT_BYTES = 5_000_000;

/** A server's log, opened for appending (emptied when it has grown large), and what is written to it from now on. */
export async function openLog(path: string): Promise<{ file: FileHandle; newLines: () => Promise<string> }> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  const file = await open(path, size > LOG_LIMIT_BYTES ? 'w' : 'a', 0o600);
  const start = (await file.stat()).size;
  const newLines = async () => (await readFile(path)).subarray(start).toString('utf8').trim();
  return { file, newLines };
}

/** The end of a log, short enough for an error message. */
export function lastLines(log: string): string {
  return log.split('\n').slice(-4).join(' | ').slice(-800);
}
