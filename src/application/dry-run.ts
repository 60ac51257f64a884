import type { State } from '../domain/state.ts';
import { readClock } from '../store/clock.ts';
import { readTestClock } from '../store/test-clocks/test-clocks.ts';
import type { Outcome } from './idempotent.ts';
import { timeFor } from './time.ts';
import { type CommandRequest, type CoreDeps, decideOn } from './write.ts';

const UNKNOWN: State = { order: null, disputes: [], holds: [] };

/**
 * Says what a command would come to if it were carried out now: the same checks on the same state, decided by the same function.
 * It takes no lock, writes nothing, and neither keeps nor looks up an idempotency key. Another command may come in between.
 * @throws what the database raises
 */
export async function dryRun(
  deps: CoreDeps,
  request: Pick<CommandRequest, 'target' | 'partyId' | 'testClockId' | 'command' | 'render'>,
): Promise<Outcome> {
  const found = await deps.find(request.target, request.partyId);
  const mayBeNew = request.partyId === null && 'orderId' in request.target;
  if (found === undefined && !mayBeNew) return { outcome: 'not_found' };
  const { testClockId } = request;
  const named = testClockId === null ? undefined : await readTestClock(deps.db, testClockId);
  const realNow = found?.now ?? (await readClock(deps.db.query));
  const time = timeFor(found ?? null, named, realNow);
  return { outcome: 'answered', response: request.render(decideOn(request, found ?? UNKNOWN, time.now, time.named)) };
}
