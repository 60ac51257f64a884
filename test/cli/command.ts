import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/cli/program.ts';
import { TEST_SECRET } from '../harness/client.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Around {
  readonly env?: Readonly<Record<string, string>>;
  /** Whether a person looks at what goes to stderr. */
  readonly isTTY?: boolean;
  /** Where a checkout keeps its secrets; by default a directory that is not there. */
  readonly dataDir?: string;
}

const NOWHERE = join(tmpdir(), 'no-resolution-center-keeps-secrets-here');

/** Runs one command line in this process, with streams of its own. */
export async function command(
  argv: readonly string[],
  { env = {}, isTTY = false, dataDir = NOWHERE }: Around = {},
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(argv, {
    env,
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text), isTTY },
    dataDir,
  });
  return { code, out: out.join(''), err: err.join('') };
}

/** Commands for a service at an address, by an operator who has its secret. */
export const commandsFor =
  (url: string) =>
  (argv: readonly string[], { env = {}, ...around }: Around = {}): Promise<Ran> =>
    command(argv, { env: { RESOLUTION_CENTER_URL: url, AUTH_SECRET: TEST_SECRET, ...env }, ...around });

/** A table without its columns' width: the cells of each row. */
export function rowsOf(text: string): string[][] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
}
