import type { Logger } from 'pino';
import type { Database } from '../platform/postgres/database.ts';
import { type Loop, startLoop } from '../workers/loop.ts';
import { rollUp } from './rollup.ts';

const INTERVAL_MS = 5_000;
const ROUNDS = 10;

/** Folds the log into the statistics. Whoever asks for them adds what is still missing, so nobody waits for this loop. */
export function startRollup({ db, log }: { db: Database; log: Logger }): Loop {
  return startLoop({ name: 'statistician', intervalMs: INTERVAL_MS, log }, () => rollUp(db, ROUNDS));
}
