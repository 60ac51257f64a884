import { writeSet } from '../../src/application/write.ts';
import { decide } from '../../src/domain/decide.ts';
import type { Tx } from '../../src/platform/postgres/database.ts';
import { lockOrders, readFacts } from '../../src/store/locks.ts';
import type { WriteSet } from '../../src/store/write-set.ts';
import { FREELANCER } from '../harness/seed.ts';

/** What an acceptance would write, decided now and written by its receiver. */
export async function decideAcceptance(tx: Tx, disputeId: string): Promise<WriteSet> {
  const wanted = [{ target: { disputeId }, partyId: FREELANCER }];
  const [order] = (await lockOrders(tx, wanted, 'wait')).values();
  if (order === undefined) throw new Error('there is no such order');
  const { clock: now, disputes, holds } = await readFacts(tx, wanted);
  const before = { order, disputes, holds };
  const actor = { role: 'freelancer', id: FREELANCER } as const;
  const decision = decide(before, { kind: 'accept', actor, disputeId, precondition: null, comment: null }, now);
  return writeSet(before, decision, { requestId: 'a-request', traceParent: null }, () => crypto.randomUUID());
}
