import { writeSet } from '../../src/application/write.ts';
import { decide } from '../../src/domain/decide.ts';
import type { Tx } from '../../src/platform/postgres/database.ts';
import { lockOrder, readLocked } from '../../src/store/locks.ts';
import type { WriteSet } from '../../src/store/write-set.ts';
import { FREELANCER } from '../harness/seed.ts';

/** What an acceptance would write, decided now and to be written by whoever gets it. */
export async function decideAcceptance(tx: Tx, disputeId: string): Promise<WriteSet> {
  const order = await lockOrder(tx, { disputeId }, FREELANCER);
  if (order === null) throw new Error('there is no such order');
  const { states, now } = await readLocked(tx, [order]);
  const [before] = states;
  if (before === undefined) throw new Error('there is no such state');
  const actor = { role: 'freelancer', id: FREELANCER } as const;
  const decision = decide(before, { kind: 'accept', actor, disputeId, precondition: null, comment: null }, now);
  return writeSet(before, decision, 'a-request', () => crypto.randomUUID());
}
