import type { Logger } from 'pino';
import { moveReleased } from '../application/holds.ts';
import type { CoreDeps } from '../application/write.ts';
import { type Loop, startLoop } from './loop.ts';

const INTERVAL_MS = 2_000;
const BATCHES = 20;

/** Moves deadlines whose holds have ended, where the request that released them did not get to the end. */
export function startHoldRelease({ write, log }: { write: CoreDeps; log: Logger }): Loop {
  return startLoop({ name: 'hold keeper', intervalMs: INTERVAL_MS, log }, async () => {
    const { moved, complete } = await moveReleased(write, BATCHES);
    return complete || moved === 0 ? 'done' : 'more';
  });
}
