import type { Logger } from 'pino';
import { type Loop, startLoop } from './loop.ts';

const INTERVAL_MS = 60_000;

/** A part of the housekeeping. A call does a bounded amount of work, and says whether there is more. */
export type HousekeepingTask = () => Promise<'more' | 'done'>;

/** Runs each task once, one after the other; says whether any of them has more to do. */
async function keepHouse(tasks: readonly HousekeepingTask[]): Promise<'more' | 'done'> {
  let next: 'more' | 'done' = 'done';
  for (const task of tasks) if ((await task()) === 'more') next = 'more';
  return next;
}

/** Runs the tasks once a minute, and without a pause while one of them has more to do. */
export function startHousekeeping(tasks: readonly HousekeepingTask[], log: Logger): Loop {
  return startLoop({ name: 'housekeeping', intervalMs: INTERVAL_MS, log }, () => keepHouse(tasks));
}
