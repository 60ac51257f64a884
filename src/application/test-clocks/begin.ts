import type { Instant } from '../../domain/state.ts';
import { type Database, type Tx, withTx } from '../../platform/postgres/database.ts';
import { withRetry } from '../../platform/postgres/retry.ts';
import { readClock } from '../../store/clock.ts';
import { type IdempotencyKey, keepResponses, type StoredResponse } from '../../store/idempotency.ts';
import { beginAdvance, lockTestClock, type TestClockRow } from '../../store/test-clocks/test-clocks.ts';
import { LEASE_MS } from './steps.ts';

/** How far a clock moves in one call. */
export const LONGEST_ADVANCE_MS = 90 * 24 * 60 * 60 * 1_000;

/** The latest time of a clock: deadlines, which lie up to 90 days later, still have a year of four digits. */
export const LATEST_CLOCK_TIME: Instant = Date.parse('9998-12-31T23:59:59.999Z');

/** Where a clock is to go: by a length of time in milliseconds, or to an instant. */
export type Destination = { readonly by: number } | { readonly to: Instant };

/** What a request asks of a clock. */
export interface AdvanceRequest {
  readonly destination: Destination;
  readonly key: IdempotencyKey | null;
  /** The way that an earlier request with the same key has begun, as its kept answer says; null if none is known. */
  readonly begun: Way | null;
  /** Makes the answer that is kept for the key with the beginning, until there is a final one. */
  readonly begunAnswer: (clock: TestClockRow, way: Way) => StoredResponse;
}

/** From where to where a clock goes in one advance. */
export interface Way {
  readonly from: Instant;
  readonly to: Instant;
}

/** What comes of a request before anything is advanced. */
export type Begun =
  | { readonly outcome: 'not_found' | 'busy' }
  /** The destination lies outside of where the clock may go in one call. */
  | { readonly outcome: 'out_of_reach'; readonly earliest: Instant; readonly latest: Instant }
  /** The clock is to be advanced now for this request, or another call of the same request has begun that before. */
  | { readonly outcome: 'begun' | 'was_begun'; readonly way: Way };

/** Whether a clock has come to the end of a way, and all that was due on it has taken effect. */
export function hasArrived(clock: TestClockRow, { to }: Way): boolean {
  return clock.now > to || (clock.now === to && !(clock.status === 'advancing' && clock.advanceTo === to));
}

/** What tells a request from others, the same if it is sent again; null without a key. */
const nameOf = ({ key }: AdvanceRequest): string | null =>
  key === null ? null : `${key.caller} ${key.key} ${key.fingerprint}`;

/** The way of the last advance, if it is what a request asks for. */
function sameWay(clock: TestClockRow, request: AdvanceRequest): Way | null {
  const { destination } = request;
  const name = nameOf(request);
  const { advancedFrom: from, advanceTo: to } = clock;
  if (from === null || to === null) return null;
  const isSame = (name !== null && name === clock.advanceRequest) || ('to' in destination && destination.to === to);
  return isSame ? { from, to } : null;
}

function wayOf(clock: TestClockRow, destination: Destination): Way {
  // The call is repeated after the process that it was sent to has died: `by` counts from where that advance began.
  const isInterrupted = clock.status === 'advancing';
  const from = isInterrupted ? (clock.advancedFrom ?? clock.now) : clock.now;
  const wanted = 'by' in destination ? from + destination.by : destination.to;
  return { from, to: isInterrupted ? Math.max(wanted, clock.advanceTo ?? wanted) : wanted };
}

function judged(clock: TestClockRow, isBusy: boolean, request: AdvanceRequest | null): Begun {
  const isInterrupted = clock.status === 'advancing' && !isBusy;
  const same = request === null ? null : sameWay(clock, request);
  if (same !== null && !isInterrupted) return { outcome: 'was_begun', way: same };
  // Its advance is not the last one any more.
  if (same === null && request !== null && request.begun !== null) return { outcome: 'was_begun', way: request.begun };
  if (isBusy || (request === null && !isInterrupted)) return { outcome: 'busy' };
  const way = same ?? wayOf(clock, request?.destination ?? { to: clock.now });
  const latest = Math.min(way.from + LONGEST_ADVANCE_MS, LATEST_CLOCK_TIME);
  if (way.to < clock.now || way.to > latest) return { outcome: 'out_of_reach', earliest: clock.now, latest };
  return { outcome: 'begun', way };
}

/** Keeps with the beginning of an advance that its key has begun it. */
async function keepBeginning(tx: Tx, { key, begunAnswer }: AdvanceRequest, clock: TestClockRow, way: Way) {
  if (key !== null) await keepResponses(tx, [{ key, response: begunAnswer(clock, way), now: await readClock(tx) }]);
}

/**
 * Writes down where a clock goes.
 * @param request null to go where the clock was going before its process died
 * @param lease tells the process that advances it from others
 */
export async function begin(db: Database, id: string, lease: string, request: AdvanceRequest | null): Promise<Begun> {
  const work = () =>
    withTx(db, async (tx): Promise<Begun> => {
      const locked = await lockTestClock(tx, id);
      if (locked === undefined) return { outcome: 'not_found' };
      const { clock } = locked;
      const begun = judged(clock, locked.isBusy && clock.lease !== lease, request);
      if (begun.outcome !== 'begun') return begun;
      const name = request === null ? clock.advanceRequest : nameOf(request);
      await beginAdvance(tx, id, { lease, request: name, ...begun.way }, LEASE_MS);
      if (request !== null) await keepBeginning(tx, request, clock, begun.way);
      return begun;
    });
  return await withRetry(work, { idempotent: true });
}
