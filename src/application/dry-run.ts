import type { State } from '../domain/state.ts';
import { readClock } from '../store/clock.ts';
import type { Outcome } from './idempotent.ts';
import { type CommandRequest, type CoreDeps, decideOn } from './write.ts';

const UNKNOWN: State = { order: null, disputes: [], holds: [] };

/**
 * Says what a command would come to if it were carried out now: the same checks on the same state, decided by the same function.
 * It takes no lock, writes nothing, and neither keeps nor looks up an idempotency key. Another command may come in between.
 * @throws what the database raises
 */
export async function dryRun(
  deps: CoreDeps,
  request: Pick<CommandRequest, 'target' | 'partyId' | 'command' | 'render'>,
): Promise<Outcome> {
  const found = await deps.find(request.target, request.partyId);
  if (found === undefined && request.partyId !== null) return { outcome: 'not_found' };
  const now = found?.now ?? (await readClock(deps.db.query));
  return { outcome: 'answered', response: request.render(decideOn(request, found ?? UNKNOWN, now)) };
}
