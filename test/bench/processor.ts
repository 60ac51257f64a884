import { readdirSync, readFileSync } from 'node:fs';

/** The kernel counts processor time in ticks of 10 ms. */
const TICK_MS = 10;

interface Stat {
  readonly parent: number;
  readonly ownMs: number;
  /** Of children that have ended. */
  readonly childrenMs: number;
}

function statOf(pid: number): Stat | null {
  try {
    // Behind the name, which may hold spaces and parentheses.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const ms = (first: number) => (Number(fields[first]) + Number(fields[first + 1])) * TICK_MS;
    return { parent: Number(fields[1]), ownMs: ms(11), childrenMs: ms(13) };
  } catch {
    return null;
  }
}

/** The processor time that a process has used so far, in milliseconds. */
export const processorMs = (pid: number): number => statOf(pid)?.ownMs ?? 0;

/** The processor time that a process and its children have used so far, also those that have ended, in milliseconds. */
export function processorMsOfGroup(pid: number): number {
  const own = statOf(pid);
  if (own === null) return 0;
  const children = readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null;
    return stat?.parent === pid ? [stat.ownMs] : [];
  });
  return own.ownMs + own.childrenMs + children.reduce((sum, ms) => sum + ms, 0);
}
