import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onCleanup } from '../../harness/cleanup.ts';
import { runNode } from '../../harness/process.ts';
import { killProcessesOf, processesOf } from '../../harness/programs/left-behind.ts';
import { waitFor } from '../../harness/wait-for.ts';

const RUN = join(import.meta.dirname, '../../../ops/run.mjs');
const STOPS = [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGQUIT', 131],
  ['SIGTERM', 143],
] as const;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'run-'));
  onCleanup(async () => {
    await killProcessesOf(cwd);
    await rm(cwd, { recursive: true, force: true });
  });
});

/** Runs a step that runs a program of node, as the steps of the start do. */
async function runStep(program: string, { before = '' } = {}) {
  const file = join(cwd, 'step.mjs');
  const programFile = join(cwd, 'program.mjs');
  await writeFile(programFile, program);
  await writeFile(
    file,
    `import { endOnSignalWith, run, step } from ${JSON.stringify(RUN)};
    ${before}
    await step('It failed', () => run(process.execPath, [${JSON.stringify(programFile)}], { stdio: 'inherit' }));
    if (!process.exitCode) console.log('went on');`,
  );
  return runNode(cwd, [file], { env: {} });
}

describe('a program of the start', () => {
  test.each(STOPS)('that %s ends is a start that is called off, and no failure', async (signal, status) => {
    const program = `process.kill(process.pid, '${signal}'); setTimeout(() => {}, 10_000);`;
    const start = await runStep(program, { before: 'endOnSignalWith(0);' });
    expect(await start.exited).toEqual({ code: 0, signal: null });
    expect(start.stdout() + start.stderr()).toBe('');
    const command = await runStep(program);
    expect(await command.exited).toEqual({ code: status, signal: null });
    expect(command.stdout() + command.stderr()).toBe('');
  });

  test('that fails by itself is a failure, also by a status that a shell gives a signal', async () => {
    for (const [program, how] of [
      ['process.exit(143)', '143'],
      ["process.kill(process.pid, 'SIGKILL')", 'SIGKILL'],
    ] as const) {
      const start = await runStep(program, { before: 'endOnSignalWith(0);' });
      expect(await start.exited).toEqual({ code: 1, signal: null });
      expect(start.stderr()).toBe(`It failed: ended with ${how}\n`);
    }
  });

  test.each(STOPS)('ends with all that it has started when %s reaches the start alone', async (signal) => {
    const start = await runStep(`
      import { spawn } from 'node:child_process';
      spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); console.log('runs'); setInterval(() => {}, 1e6)"], { stdio: 'inherit' });
      setInterval(() => {}, 1e6);`);
    await waitFor('it runs', () => start.stdout().includes('runs'));
    start.child.kill(signal);
    await start.exited;
    await waitFor('nothing is left', async () => (await processesOf(cwd)).length === 0);
    expect(start.stderr()).toBe('');
  });
});
