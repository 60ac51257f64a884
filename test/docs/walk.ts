import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { blocks, section } from './readme.ts';

const run = promisify(execFile);
const DIVIDER = '--- next block ---';

/** What the commands of the README's walk printed, block by block, and what the README says that they print. */
export interface Walk {
  readonly printed: readonly string[];
  readonly promised: readonly string[];
}

/**
 * Runs the README's walk in a shell.
 * @param url the service, in place of the address in the README
 * @param cwd the checkout, whose `npm run token` makes the tokens
 */
export async function takeWalk(url: string, cwd: string, env: Readonly<Record<string, string>>): Promise<Walk> {
  const walk = blocks(section('A walk in five minutes'));
  const commands = walk.filter(({ language }) => language === 'sh').map(({ code }) => code);
  const promised = walk.filter(({ language }) => language === 'text').map(({ code }) => code);
  const script = commands.join(`\necho '${DIVIDER}'\n`).replace('http://127.0.0.1:3000', url);
  const { PATH = '', HOME = '' } = process.env;
  const { stdout } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    cwd,
    env: { PATH, HOME, ...env },
  });
  const [variables, ...printed] = stdout.split(`${DIVIDER}\n`);
  // The first block only sets variables, so it has no output to compare.
  if (variables !== '') throw new Error(`the first block of the walk printed ${variables}`);
  return { printed, promised };
}
