import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Instant } from '../../domain/state.ts';
import { isTransient, withTx } from '../../platform/postgres/database.ts';
import { withRetry } from '../../platform/postgres/retry.ts';
import {
  beginAdvance,
  type ClockTransitions,
  findTestClock,
  giveUpAdvance,
  lockTestClock,
  readTransitions,
  type TestClockRow,
} from '../../store/test-clocks/test-clocks.ts';
import { noteDeadlineFailure } from '../due.ts';
import type { CoreDeps } from '../write.ts';
import { type Advancing, LEASE_MS, takeStep } from './steps.ts';

/** How far a clock moves in one call. */
export const LONGEST_ADVANCE_MS = 90 * 24 * 60 * 60 * 1_000;

/** Where a clock is to go: by a length of time in milliseconds, or to an instant. */
export type Destination = { readonly by: number } | { readonly to: Instant };

/** What a request asks of a clock. */
export interface AdvanceRequest {
  readonly destination: Destination;
  /** What tells the request from others, the same if it is sent again; null without a key. */
  readonly name: string | null;
}

/** From where to where a clock goes in one advance. */
export interface Way {
  readonly from: Instant;
  readonly to: Instant;
}

/** How many messages of webhooks there are of some events, by what has become of them. */
export interface WebhookCounts {
  readonly delivered: number;
  readonly failed: number;
  /** Still to be sent, for the first time or again. */
  readonly pending: number;
  /** Those of the pending that have not been sent once. */
  readonly unsent: number;
}

/** Counts the messages of what time did to a clock's orders after an instant and up to another. */
export type CountWebhooks = (testClockId: string, way: Way) => Promise<WebhookCounts>;

/** An advance, as far as it has come. */
export interface Advance extends Way {
  readonly transitions: ClockTransitions;
  readonly webhooks: WebhookCounts;
}

export type AdvanceOutcome =
  | { readonly outcome: 'not_found' | 'busy' }
  /** The destination lies outside of where the clock may go in one call. */
  | { readonly outcome: 'out_of_reach'; readonly earliest: Instant; readonly latest: Instant }
  | { readonly outcome: 'advanced'; readonly clock: TestClockRow; readonly advance: Advance };

/** Advances test clocks; what outlasts its request goes on in this process. */
export interface Advancer {
  /**
   * Advances a clock, or takes up the advance of a process that has died. A request that is sent again, with its key or with the
   * same instant to go to, brings nothing about again and gets the same answer.
   * @param waitMs how long to wait for its end, and then for the first attempts at webhooks
   * @param signal ends the waiting early
   */
  readonly advance: (
    id: string,
    request: AdvanceRequest,
    waitMs: number,
    signal: AbortSignal,
  ) => Promise<AdvanceOutcome>;
  /** Finishes the advance of a process that has died, without waiting for its end. */
  readonly takeUp: (id: string) => void;
  /** The last advance of a clock; null if it has none. */
  readonly lastAdvance: (clock: TestClockRow) => Promise<Advance | null>;
  /** Ends what is under way after its step; another process takes it up. */
  readonly stop: () => Promise<void>;
}

/** How many transitions an answer has at most. */
export const TRANSITIONS_SHOWN = 1_000;
const LOCKED_PAUSE_MS = 20;
const FAILURE_PAUSE_MS = 200;
const FAILURES_IN_A_ROW = 50;
const POLL_MS = 50;
/** Webhooks that wait for their turn, or for a worker that is not there, are not waited for any longer. */
const WEBHOOKS_WAIT_MS = 5_000;

type Begun =
  | Exclude<AdvanceOutcome, { outcome: 'advanced' }>
  | { readonly outcome: 'begun' | 'was_done'; readonly way: Way };

/** The way of the last advance, if it is what a request asks for. */
function sameWay(clock: TestClockRow, { destination, name }: AdvanceRequest): Way | null {
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

/** Makes what advances clocks. */
export function createAdvancer(
  deps: CoreDeps,
  countWebhooks: CountWebhooks,
  log: Pick<Logger, 'warn' | 'error'>,
): Advancer {
  const { db } = deps;
  const underWay = new Set<Promise<void>>();
  let isStopping = false;

  /** Writes down where a clock goes; without a destination, where it was going before its process died. */
  const begin = async (id: string, lease: string, request: AdvanceRequest | null): Promise<Begun> => {
    const work = () =>
      withTx(db, async (tx): Promise<Begun> => {
        const locked = await lockTestClock(tx, id);
        if (locked === undefined) return { outcome: 'not_found' };
        const { clock, isBusy } = locked;
        if (isBusy && clock.lease !== lease) return { outcome: 'busy' };
        const isInterrupted = clock.status === 'advancing';
        if (request === null && !isInterrupted) return { outcome: 'busy' };
        const same = request === null ? null : sameWay(clock, request);
        if (same !== null && !isInterrupted) return { outcome: 'was_done', way: same };
        const way = same ?? wayOf(clock, request?.destination ?? { to: clock.now });
        const latest = way.from + LONGEST_ADVANCE_MS;
        if (way.to < clock.now || way.to > latest) return { outcome: 'out_of_reach', earliest: clock.now, latest };
        const name = request === null ? clock.advanceRequest : request.name;
        await beginAdvance(tx, id, { lease, request: name, ...way }, LEASE_MS);
        return { outcome: 'begun', way };
      });
    return await withRetry(work, { idempotent: true });
  };

  /** Sets the disputes of a batch that failed aside; one that is alone is passed over, others are tried one by one. */
  const setAside = async ({ broken }: Advancing, disputeIds: readonly string[], error: unknown) => {
    const [only, ...others] = disputeIds;
    if (only === undefined || others.length > 0) return 1;
    broken.add(only);
    await noteDeadlineFailure(db, only, error);
    log.error({ err: error, disputeId: only }, 'a deadline on a test clock could not take effect and was passed over');
    return undefined;
  };

  /** Takes a step; null if it failed for a reason that may pass. */
  const tryStep = async (advancing: Advancing, batch: number | undefined) => {
    try {
      return await takeStep(deps, advancing, batch);
    } catch (error) {
      if (!isTransient(error)) throw error;
      return null;
    }
  };

  /** Takes steps until the clock has arrived. */
  const drive = async (advancing: Advancing): Promise<void> => {
    let batch: number | undefined;
    for (let failures = 0; !isStopping; ) {
      const stepped = await tryStep(advancing, batch);
      if (stepped === null) {
        failures += 1;
        if (failures > FAILURES_IN_A_ROW) throw new Error('the database was not to be had for too long');
        await sleep(FAILURE_PAUSE_MS);
        continue;
      }
      failures = 0;
      if (stepped.step === 'arrived' || stepped.step === 'lost') return;
      if (stepped.step === 'locked') await sleep(LOCKED_PAUSE_MS);
      batch = stepped.step === 'failed' ? await setAside(advancing, stepped.disputeIds, stepped.error) : batch;
    }
    await withTx(db, (tx) => giveUpAdvance(tx, advancing.id, advancing.lease));
  };

  const start = (id: string, lease: string): Promise<void> => {
    const driving: Promise<void> = drive({ id, lease, broken: new Set() })
      .catch((error: unknown) =>
        log.warn({ err: error, testClockId: id }, 'the advance of a test clock was interrupted'),
      )
      .finally(() => underWay.delete(driving));
    underWay.add(driving);
    return driving;
  };

  const read = async (id: string, way: Way): Promise<Advance> => {
    const transitions = await readTransitions(db, id, { ...way, limit: TRANSITIONS_SHOWN });
    return { ...way, transitions, webhooks: await countWebhooks(id, way) };
  };

  /** Waits until each message that the advance brought about has been sent once. */
  const awaitWebhooks = async (id: string, way: Way, untilMs: number, signal: AbortSignal): Promise<Advance> => {
    const until = Math.min(untilMs, performance.now() + WEBHOOKS_WAIT_MS);
    for (;;) {
      const advance = await read(id, way);
      if (advance.webhooks.unsent === 0 || performance.now() >= until || signal.aborted) return advance;
      await sleep(POLL_MS, undefined, { signal }).catch(() => {}); // woken early, it looks a last time
    }
  };

  const advance: Advancer['advance'] = async (id, request, waitMs, signal) => {
    const untilMs = performance.now() + waitMs;
    const lease = deps.newId();
    const begun = await begin(id, lease, request);
    if (!('way' in begun)) return begun;
    const { way } = begun;
    const driving = begun.outcome === 'begun' ? start(id, lease) : null;
    await Promise.race([driving, sleep(waitMs, undefined, { signal, ref: false }).catch(() => {})]);
    const found = await findTestClock(db, id);
    if (found === undefined) return { outcome: 'not_found' };
    const { clock } = found;
    const hasArrived = clock.now >= way.to;
    const advance = hasArrived ? await awaitWebhooks(id, way, untilMs, signal) : await read(id, way);
    return { outcome: 'advanced', clock, advance };
  };

  return {
    advance,
    takeUp: (id) => {
      const lease = deps.newId();
      void begin(id, lease, null)
        .then((begun) => (begun.outcome === 'begun' ? start(id, lease) : undefined))
        .catch((error: unknown) => log.warn({ err: error, testClockId: id }, 'an advance could not be taken up'));
    },
    lastAdvance: async ({ id, advancedFrom: from, advanceTo: to }) =>
      from === null || to === null ? null : await read(id, { from, to }),
    stop: async () => {
      isStopping = true;
      await Promise.all(underWay);
    },
  };
}
