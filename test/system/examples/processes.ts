import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TEST_SECRET } from '../../harness/client.ts';
import { type Running, runNode } from '../../harness/process.ts';
import { waitFor } from '../../harness/wait-for.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** Starts an example by its command, against a service of the tests. It is killed at the end of the test file. */
export async function startExample(name: 'frontend' | 'backend', api: string, port = 0): Promise<Running> {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const [exec, node, ...args] = scripts[`example:${name}`]?.split(' ') ?? [];
  if (exec !== 'exec' || node !== 'node')
    throw new Error(`package.json has no command example:${name} that starts node`);
  const env = { RESOLUTION_CENTER_URL: api, AUTH_SECRET: TEST_SECRET, PORT: String(port) };
  return runNode(ROOT, args, { env });
}

/** Waits until an example has written something. @throws with what it wrote instead, if it ends before */
export async function written(running: Running, what: RegExp): Promise<RegExpExecArray> {
  const ended = running.exited.then(() => {
    throw new Error(`the example ended:\n${running.stdout()}${running.stderr()}`);
  });
  return await Promise.race([
    waitFor(`the example writes ${what}`, () => what.exec(running.stdout()) ?? undefined),
    ended,
  ]);
}
