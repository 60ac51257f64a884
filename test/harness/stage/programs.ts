import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const FAKETIME = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`;

/** Whether this machine has what moves the clock of a single process: Debian's package faketime. */
export const canMoveClocks = existsSync(FAKETIME);

/** The environment of a process whose clock is moved; its timers go on as if nothing had happened. */
export function movedClock(how: { readonly by: string } | { readonly asFileSays: string }): Record<string, string> {
  // Not the command of that name: it waits beside the process, which goes on when it is killed.
  return {
    LD_PRELOAD: FAKETIME,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    ...('by' in how ? { FAKETIME: how.by } : { FAKETIME_TIMESTAMP_FILE: how.asFileSays, FAKETIME_CACHE_DURATION: '1' }),
  };
}

/** Whether a program is on the PATH. */
export function hasProgram(name: string): boolean {
  try {
    execFileSync('which', [name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What the staging of faults would need and this machine lacks: a text for each, empty if nothing. */
export function missingPrograms(): string[] {
  return [
    ...(hasProgram('redis-server')
      ? []
      : ['redis-server is not on the PATH: no Redis that can be killed and comes back']),
    ...(canMoveClocks ? [] : ['libfaketime is not installed: no clocks that are wrong']),
  ];
}
