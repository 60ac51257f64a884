import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onCleanup } from '../../harness/cleanup.ts';

const PAGES = join(import.meta.dirname, '../../../docs/operate');

/** A shell in which the blocks of pages are run one after the other, as a reader does: functions and variables stay. */
export interface Shell {
  /**
   * Runs a block and returns what it wrote to stdout.
   * @throws with all that it wrote, where a command of it fails; in a shell that goes on, where its exit code is not 0
   */
  readonly run: (code: string) => Promise<string>;
}

export interface ShellOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether it goes on after a command that fails, as the shell of a reader does. */
  readonly goesOn?: boolean;
  /** The account that runs it, where that is not ours. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
}

/** Starts a shell, which ends with the first command that fails unless it goes on. */
export function openShell({ cwd, env, goesOn = false, account }: ShellOptions): Shell {
  const child = spawn('bash', ['--norc', ...(goesOn ? [] : ['-euo', 'pipefail'])], {
    cwd,
    env,
    ...(account !== undefined && { uid: account.uid, gid: account.gid }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  let look = () => {};
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdin.on('error', () => {}); // it has ended, which `close` tells
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  onCleanup(async () => {
    child.stdin.end();
    child.kill();
    await ended;
  });
  const run = async (code: string) => {
    const mark = randomUUID();
    [out, err] = ['', ''];
    const done = new Promise<string>((resolve) => {
      look = () => {
        const at = out.indexOf(mark);
        if (at >= 0) resolve(out.slice(0, at));
      };
    });
    const failed = ended.then(() => {
      throw new Error(`a command failed:\n${code}\nstdout: ${out}\nstderr: ${err}`);
    });
    child.stdin.write(`{\n${code}\n} </dev/null\n[ $? = 0 ] || exit\nprintf %s ${mark}\n`);
    return await Promise.race([done, failed]);
  };
  return { run };
}

/** The blocks of a page that are there to be run, each with the heading that it stands under. */
export function blocksOf(page: string): { heading: string; code: string }[] {
  const text = readFileSync(join(PAGES, page), 'utf8');
  let heading = '';
  return [...text.matchAll(/^#+ ([^\n]+)$|^```sh\n(.*?)^```$/gms)].flatMap(([, title, code]) => {
    if (title !== undefined) heading = title.replace(/^\d+\. /, '');
    return code === undefined ? [] : [{ heading, code }];
  });
}
