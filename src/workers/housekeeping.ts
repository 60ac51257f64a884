import type { Logger } from 'pino';
import { type Database, withTx } from '../platform/database.ts';
import { forgetOldKeys } from '../store/idempotency.ts';
import { type Loop, startLoop } from './loop.ts';

const INTERVAL_MS = 60_000;
const BATCH = 1_000;

/** Forgets idempotency keys that are past their 24 hours. */
export function startHousekeeping({ db, log }: { db: Database; log: Logger }): Loop {
  return startLoop({ name: 'housekeeping', intervalMs: INTERVAL_MS, log }, async () => {
    const gone = await withTx(db, (tx) => forgetOldKeys(tx, BATCH));
    return gone === BATCH ? 'more' : 'done';
  });
}
