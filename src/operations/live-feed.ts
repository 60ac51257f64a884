import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../platform/database.ts';
import { endOfFeed, type FeedPage, type FeedRow, readFeed } from '../store/feed.ts';
import { POLL_MS, sequenceLog } from './feed.ts';

/** Gets an entry; it must not throw, and not take long. */
export type Take = (row: FeedRow) => void;

export interface Subscription {
  /** Where the log was read up to: entries behind it are handed on, those before it can be found in the log by now. */
  readonly position: number;
  readonly end: () => void;
}

/** One reader of the log for everybody in this process who follows an order. It reads while there is anybody. */
export interface LiveFeed {
  /** Hands on every entry of an order behind the position, once and in sequence, until it is ended. */
  readonly subscribe: (orderId: string, take: Take) => Promise<Subscription>;
}

function createTakers() {
  const byOrder = new Map<string, Set<Take>>();
  return {
    orderIds: () => [...byOrder.keys()],
    isEmpty: () => byOrder.size === 0,
    add: (orderId: string, take: Take): (() => void) => {
      const ofOrder = byOrder.get(orderId) ?? new Set();
      byOrder.set(orderId, ofOrder.add(take));
      return () => {
        ofOrder.delete(take);
        if (ofOrder.size === 0 && byOrder.get(orderId) === ofOrder) byOrder.delete(orderId);
      };
    },
    hand: (row: FeedRow) => {
      for (const take of byOrder.get(row.orderId) ?? []) take(row);
    },
  };
}

interface Joining {
  readonly orderId: string;
  readonly take: Take;
  readonly resolve: (subscription: Subscription) => void;
  readonly reject: (error: unknown) => void;
}

const LIMIT = 500;

/**
 * Makes the reader; it asks the database for nothing yet.
 * @param onFailure told once each time that the log can no longer be read; it is tried again until it can
 */
export function createLiveFeed(db: Database, onFailure: (error: unknown) => void): LiveFeed {
  const takers = createTakers();
  let joining: Joining[] = [];
  let isRunning = false;
  let isFailing = false;
  /** The position while no read is under way; null during one, which asks only for the orders that were known before. */
  let restingAt: number | null = null;

  const admit = (position: number) => {
    const admitted = joining;
    joining = [];
    for (const { orderId, take, resolve } of admitted) resolve({ position, end: takers.add(orderId, take) });
  };

  const read = async (after: number): Promise<FeedPage> => {
    try {
      await sequenceLog(db);
      const page = await readFeed(db, { after, orderIds: takers.orderIds(), limit: LIMIT });
      isFailing = false;
      return page;
    } catch (error) {
      // While the process stops it is nobody's loss.
      if (!isFailing && !takers.isEmpty()) onFailure(error);
      isFailing = true;
      return { rows: [], nextAfter: after, isAtEnd: true, end: after };
    }
  };

  const readOn = async (begin: number) => {
    for (let position = begin; ; ) {
      admit(position);
      if (takers.isEmpty()) {
        // In the same turn in which there was nobody: whoever comes now starts it anew.
        isRunning = false;
        return;
      }
      const page = await read(position);
      for (const row of page.rows) takers.hand(row);
      position = page.nextAfter;
      if (!page.isAtEnd) continue;
      admit(position);
      restingAt = position;
      await sleep(POLL_MS, undefined, { ref: false });
      restingAt = null;
    }
  };

  const start = async () => {
    isRunning = true;
    try {
      await sequenceLog(db);
      await readOn(await endOfFeed(db));
    } catch (error) {
      isRunning = false;
      for (const { reject } of joining) reject(error);
      joining = [];
    }
  };

  return {
    subscribe: (orderId, take) =>
      new Promise((resolve, reject) => {
        joining.push({ orderId, take, resolve, reject });
        if (restingAt !== null) admit(restingAt);
        else if (!isRunning) void start();
      }),
  };
}
