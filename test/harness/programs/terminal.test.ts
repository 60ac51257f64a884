import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { CTRL_C, openTerminal } from './terminal.ts';

const cwd = tmpdir();
const READY = `process.stdout.write(process.stdout.isTTY ? 'a terminal' : 'a pipe'); setInterval(() => {}, 1000);`;
const node = (code: string): string => `node -e '${code.replaceAll("'", `"`)}'`;

describe('the pseudo-terminal of the tests', () => {
  test('sends SIGINT for Ctrl-C and reports the status of the command', async () => {
    const terminal = openTerminal(node(`process.on('SIGINT', () => process.exit(7)); ${READY}`), { cwd });
    await terminal.shows(/a terminal/);
    terminal.press(CTRL_C);
    expect(await terminal.exited).toBe(7);
  });

  test('reports the signal that ended the command', async () => {
    const terminal = openTerminal(node(READY), { cwd });
    await terminal.shows(/a terminal/);
    terminal.press(CTRL_C);
    expect(await terminal.exited).toBe(130);
  });

  test('says at once that the command ended instead of waiting for its text', async () => {
    const terminal = openTerminal('true', { cwd });
    await expect(terminal.shows(/never/)).rejects.toThrow(/ended before it wrote/);
  });
});
