import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { isTransient, withTx } from '../../platform/postgres/database.ts';
import { giveUpAdvance } from '../../store/test-clocks/test-clocks.ts';
import { noteDeadlineFailure } from '../due.ts';
import type { WriteDeps } from '../write.ts';
import { type Advancing, takeStep } from './steps.ts';

const LOCKED_PAUSE_MS = 20;
const FAILURE_PAUSE_MS = 200;
const FAILURES_IN_A_ROW = 50;

interface DriveDeps extends WriteDeps {
  readonly log: Pick<Logger, 'error'>;
}

/**
 * Sets the disputes of a batch that failed aside: one that is alone is passed over, of others each is tried alone.
 * @returns how many the next batches have at most; undefined for as many as usual
 */
async function setAside({ db, log }: DriveDeps, { broken }: Advancing, disputeIds: readonly string[], error: unknown) {
  const [only, ...others] = disputeIds;
  if (only === undefined || others.length > 0) return 1;
  broken.add(only);
  await noteDeadlineFailure(db, only, error);
  log.error({ err: error, disputeId: only }, 'a deadline on a test clock could not take effect and was passed over');
  return undefined;
}

/** Takes a step; null if it failed for a reason that may pass. */
async function tryStep(deps: WriteDeps, advancing: Advancing, batch: number | undefined) {
  try {
    return await takeStep(deps, advancing, batch);
  } catch (error) {
    if (!isTransient(error)) throw error;
    return null;
  }
}

/**
 * Takes steps until the clock has arrived, or this process stops; then another one takes the advance up.
 * @throws what the database raises for too long
 */
export async function drive(deps: DriveDeps, advancing: Advancing, isStopping: () => boolean): Promise<void> {
  let batch: number | undefined;
  for (let failures = 0; !isStopping(); ) {
    const stepped = await tryStep(deps, advancing, batch);
    if (stepped === null) {
      failures += 1;
      if (failures > FAILURES_IN_A_ROW) throw new Error('the database could not be reached for too long');
      await sleep(FAILURE_PAUSE_MS);
      continue;
    }
    failures = 0;
    if (stepped.step === 'arrived' || stepped.step === 'lost') return;
    if (stepped.step === 'locked') await sleep(LOCKED_PAUSE_MS);
    if (stepped.step === 'failed') batch = await setAside(deps, advancing, stepped.disputeIds, stepped.error);
  }
  await withTx(deps.db, (tx) => giveUpAdvance(tx, advancing.id, advancing.lease));
}
