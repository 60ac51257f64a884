import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../../platform/postgres/database.ts';
import {
  type ClockTransitions,
  findTestClock,
  readTransitions,
  type TestClockRow,
} from '../../store/test-clocks/test-clocks.ts';
import type { CoreDeps } from '../write.ts';
import { type AdvanceRequest, type Begun, begin, hasArrived, type Way } from './begin.ts';
import { drive } from './drive.ts';

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
  | Exclude<Begun, { way: Way }>
  | { readonly outcome: 'advanced'; readonly clock: TestClockRow; readonly advance: Advance };

/** Advances test clocks; what outlasts its request goes on in this process. */
export interface Advancer {
  /**
   * Advances a clock, or takes up the advance of a process that has died. A request that is sent again, with its key or with the
   * same instant to go to, brings nothing about again: it waits for the advance that goes on, or gets the outcome of the one
   * that has ended.
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
const POLL_MS = 50;
/** Webhooks that wait for their turn, or for a worker that is not there, are not waited for any longer. */
const WEBHOOKS_WAIT_MS = 5_000;

/** Reads what has come of advances. */
function createReports(db: Database, countWebhooks: CountWebhooks) {
  const read = async (id: string, way: Way): Promise<Advance> => {
    const transitions = await readTransitions(db, id, { ...way, limit: TRANSITIONS_SHOWN });
    return { ...way, transitions, webhooks: await countWebhooks(id, way) };
  };
  return {
    read,
    /** Waits until each message that the advance brought about has been sent once. */
    awaitWebhooks: async (id: string, way: Way, untilMs: number, signal: AbortSignal): Promise<Advance> => {
      const until = Math.min(untilMs, performance.now() + WEBHOOKS_WAIT_MS);
      for (;;) {
        const advance = await read(id, way);
        if (advance.webhooks.unsent === 0 || performance.now() >= until || signal.aborted) return advance;
        await sleep(POLL_MS, undefined, { signal }).catch(() => {}); // woken early, it looks a last time
      }
    },
  };
}

/** Makes what advances clocks. */
export function createAdvancer(
  deps: CoreDeps,
  countWebhooks: CountWebhooks,
  log: Pick<Logger, 'warn' | 'error'>,
): Advancer {
  const { db } = deps;
  const { read, awaitWebhooks } = createReports(db, countWebhooks);
  const underWay = new Set<Promise<void>>();
  let isStopping = false;

  const start = (id: string, lease: string): Promise<void> => {
    const driving: Promise<void> = drive({ ...deps, log }, { id, lease, broken: new Set() }, () => isStopping)
      .catch((error: unknown) =>
        log.warn({ err: error, testClockId: id }, 'the advance of a test clock was interrupted'),
      )
      .finally(() => underWay.delete(driving));
    underWay.add(driving);
    return driving;
  };

  const takeUp = (id: string): void => {
    const lease = deps.newId();
    void begin(db, id, lease, null)
      .then((begun) => (begun.outcome === 'begun' ? start(id, lease) : undefined))
      .catch((error: unknown) => log.warn({ err: error, testClockId: id }, 'an advance could not be taken up'));
  };

  /** Waits for an advance that another call has begun, in this process or another. */
  const awaitArrival = async (id: string, way: Way, untilMs: number, signal: AbortSignal): Promise<void> => {
    while (performance.now() < untilMs && !signal.aborted) {
      const found = await findTestClock(db, id);
      if (found === undefined || hasArrived(found.clock, way)) return;
      if (found.isInterrupted) takeUp(id);
      await sleep(POLL_MS, undefined, { signal }).catch(() => {}); // woken early, it ends
    }
  };

  return {
    advance: async (id, request, waitMs, signal) => {
      const untilMs = performance.now() + waitMs;
      const lease = deps.newId();
      const begun = await begin(db, id, lease, request);
      if (!('way' in begun)) return begun;
      const { way } = begun;
      const arrival = begun.outcome === 'begun' ? start(id, lease) : awaitArrival(id, way, untilMs, signal);
      await Promise.race([arrival, sleep(waitMs, undefined, { signal, ref: false }).catch(() => {})]);
      const found = await findTestClock(db, id);
      if (found === undefined) return { outcome: 'not_found' };
      const { clock } = found;
      const advance = hasArrived(clock, way) ? await awaitWebhooks(id, way, untilMs, signal) : await read(id, way);
      return { outcome: 'advanced', clock, advance };
    },
    takeUp,
    lastAdvance: async ({ id, advancedFrom: from, advanceTo: to }) =>
      from === null || to === null ? null : await read(id, { from, to }),
    stop: async () => {
      isStopping = true;
      await Promise.all(underWay);
    },
  };
}
