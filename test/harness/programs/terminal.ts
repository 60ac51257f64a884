import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { onCleanup } from '../cleanup.ts';
import { waitFor } from '../wait-for.ts';

/** What a terminal sends for a key that is pressed together with Ctrl. */
export const CTRL_C = '\x03';
export const CTRL_BACKSLASH = '\x1c';

export interface TerminalOptions {
  readonly cwd: string;
  /** The whole environment beside PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A command in the foreground of a pseudo-terminal of its own. */
export interface Terminal {
  /** Everything that was written on the screen so far. */
  readonly screen: () => string;
  /** Waits until the screen shows a text, and returns what matched. Fails at once when the command ends before. */
  readonly shows: (text: RegExp, timeoutMs?: number) => Promise<string>;
  /** Presses keys. Control characters have their effect: `CTRL_C` sends SIGINT to every process in the foreground. */
  readonly press: (keys: string) => void;
  /** Closes the terminal, as closing its window or losing an SSH session does. */
  readonly hangUp: () => void;
  /** The status of the command when it has ended: 128 and the number of the signal, if a signal ended it. */
  readonly exited: Promise<number>;
}

/**
 * Runs a shell command in a pseudo-terminal, which `script` of util-linux makes. The terminal is closed at the end of the
 * test file.
 */
export function openTerminal(command: string, { cwd, env = {} }: TerminalOptions): Terminal {
  const { PATH = '', HOME = '' } = process.env;
  // The shell of `script` makes way for the command, so that no process stands between terminal and command.
  const script = spawn('script', ['-qec', `exec ${command}`, '/dev/null'], {
    cwd,
    env: { PATH, HOME, TERM: 'dumb', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let screen = '';
  for (const stream of [script.stdout, script.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
    });
  }
  script.stdin.on('error', () => {}); // keys that are pressed after the end
  const exited = once(script, 'close').then(([code]) => Number(code));
  let hasEnded = false;
  const end = () => {
    hasEnded = true;
  };
  exited.then(end, end);
  const hangUp = () => void script.kill('SIGKILL');
  onCleanup(async () => {
    if (!hasEnded) hangUp();
    await exited.catch(() => {}); // there is no `script`: `exited` says so
  });
  const shows = async (text: RegExp, timeoutMs = 60_000) => {
    const ask = () => {
      const found = text.exec(screen)?.[0];
      if (found === undefined && hasEnded) throw new Error(`the command ended before it wrote ${text}:\n${screen}`);
      return found;
    };
    return await waitFor(`the screen shows ${text}`, ask, timeoutMs);
  };
  return { screen: () => screen, shows, press: (keys) => void script.stdin.write(keys), hangUp, exited };
}
