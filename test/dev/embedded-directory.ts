import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onCleanup } from '../harness/cleanup.ts';

/** An empty directory for embedded servers, which is removed at the end of the test file. */
export async function dataDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'embedded-'));
  onCleanup(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A place for what the servers say to the developer. */
export function listen(): { lines: string[]; say: (line: string) => void } {
  const lines: string[] = [];
  return { lines, say: (line) => void lines.push(line) };
}
