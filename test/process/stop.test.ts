import { describe, expect, test } from '@jest/globals';
import { copyCheckout } from '../harness/checkout.ts';
import { processesOf } from '../harness/left-behind.ts';
import { CTRL_C, openTerminal } from '../harness/terminal.ts';

describe('npm start in a terminal', () => {
  test('ends with 0 on Ctrl-C and leaves no process behind', async () => {
    const cwd = await copyCheckout();
    const terminal = openTerminal('npm start', { cwd, env: { PORT: '0' } });
    await terminal.shows(/listens on/);
    terminal.press(CTRL_C);
    expect(await terminal.exited).toBe(0);
    expect(await processesOf(cwd)).toEqual([]);
  });
});
