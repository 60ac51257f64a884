import type { Logger } from 'pino';
import { isReleasing, moveReleased } from '../application/holds.ts';
import type { CoreDeps } from '../application/write.ts';
import { type Loop, startLoop } from './loop.ts';

const SOON_MS = 2_000;
/** A released hold that stays open has all open disputes looked at in each round. */
const INTERVAL_MS = 20_000;
const BATCHES = 20;

/**
 * Moves deadlines whose holds have ended, where the request that released them did not get to the end.
 * @returns `done` where nothing was left to move and a released hold stays open, since another one lasts
 */
export async function moveOn(write: CoreDeps, batches = BATCHES): Promise<'more' | 'soon' | 'done'> {
  const { moved, complete } = await moveReleased(write, batches);
  if (!complete) return moved > 0 ? 'more' : 'soon';
  return (await isReleasing(write)) ? 'done' : 'soon';
}

/** Moves deadlines whose holds have ended, again and again. No deadline takes effect early while it waits for that. */
export function startHoldRelease({ write, log }: { readonly write: CoreDeps; readonly log: Logger }): Loop {
  return startLoop({ name: 'hold release', intervalMs: INTERVAL_MS, soonMs: SOON_MS, log }, () => moveOn(write));
}
