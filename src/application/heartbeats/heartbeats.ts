import { type Database, withTx } from '../../platform/postgres/database.ts';
import {
  listWorkers,
  removeSilentWorkers,
  removeWorker,
  type SeenWorker,
  type WorkerProcess,
  writeHeartbeat,
} from '../../store/workers.ts';

export type { SeenWorker, WorkerProcess } from '../../store/workers.ts';

/** How long after its last heartbeat a worker counts as dead, in milliseconds. */
export const ALIVE_MS = 15_000;
/** How many workers are listed. */
export const WORKERS_AT_MOST = 100;
/** How long a dead worker stays in the list, so that an operator sees when it died. */
const KEPT_MS = 3_600_000;

/** Says that a worker lives. */
export const beat = (db: Database, worker: WorkerProcess): Promise<void> =>
  withTx(db, (tx) => writeHeartbeat(tx, worker));

/** Takes a worker that stops out of the list. */
export const signOff = (db: Database, worker: WorkerProcess): Promise<void> =>
  withTx(db, (tx) => removeWorker(tx, worker));

/** Removes workers that have been dead for an hour. */
export async function forgetDeadWorkers(db: Database): Promise<'done'> {
  await withTx(db, (tx) => removeSilentWorkers(tx, KEPT_MS));
  return 'done';
}

/** The workers that have left a heartbeat: those that live first, and at most a hundred. */
export const readWorkers = (db: Database): Promise<SeenWorker[]> => listWorkers(db, ALIVE_MS, WORKERS_AT_MOST);

/** Whether a worker has left a heartbeat in the last fifteen seconds. */
export const isAlive = ({ ageMs }: Pick<SeenWorker, 'ageMs'>): boolean => ageMs <= ALIVE_MS;
