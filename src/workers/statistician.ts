import type { Logger } from 'pino';
import { foldLog } from '../operations/statistics.ts';
import type { Database } from '../platform/database.ts';
import { type Loop, startLoop } from './loop.ts';

const INTERVAL_MS = 5_000;
const ROUNDS = 10;

/** Folds the log into the statistics. Whoever asks for them adds what is still missing, so nobody waits for this loop. */
export function startStatistician({ db, log }: { db: Database; log: Logger }): Loop {
  return startLoop({ name: 'statistician', intervalMs: INTERVAL_MS, log }, () => foldLog(db, ROUNDS));
}
