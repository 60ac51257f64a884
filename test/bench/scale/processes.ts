import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** A process as /proc knows it: its parent, and the seconds of a core that it has used. */
function statOf(pid: number): { readonly parent: number; readonly cpuSeconds: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { parent: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND };
  } catch {
    return null; // it has just ended
  }
}

/** The seconds of a core that a process and its children have used so far. */
export function cpuSecondsOf(pid: number): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const all = pids.map((name) => ({ pid: Number(name), stat: statOf(Number(name)) }));
  return all
    .filter((one) => one.pid === pid || one.stat?.parent === pid)
    .reduce((sum, { stat }) => sum + (stat?.cpuSeconds ?? 0), 0);
}
