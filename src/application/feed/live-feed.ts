import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../platform/postgres/database.ts';
import { endOfFeed, type FeedPage, type FeedRow, readFeed } from '../../store/feed.ts';
import { POLL_MS, sequenceLog } from './feed.ts';
import { createHoldWatch, type HoldChange } from './hold-watch.ts';

/** What is followed: one order, or all orders of which a user is a party. */
export type Topic = { readonly orderId: string } | { readonly partyId: string };

/** Its functions must not throw, and must return at once. */
export interface Subscriber {
  readonly topic: Topic;
  /** Gets each entry of the topic behind the position of the subscription, once and in sequence. */
  readonly take: (row: FeedRow) => void;
  /** A hold that covers an order of the topic has begun or ended: what is shown of it is to be read again. */
  readonly refresh: () => void;
  /** The log ends before the subscription's position: it was restored from a backup. Nothing comes after that. */
  readonly lose: () => void;
}

export interface Subscription {
  /** Where the log was read up to: entries behind it are handed on, those before it can be found in the log by now. */
  readonly position: number;
  readonly end: () => void;
}

/** One reader of the log for all subscribers of this process. It reads only while there are any. */
export interface LiveFeed {
  readonly subscribe: (subscriber: Subscriber) => Promise<Subscription>;
}

type ByKey = Map<string, Set<Subscriber>>;

function createSubscribers() {
  const byOrder: ByKey = new Map();
  const byParty: ByKey = new Map();
  const placeOf = (topic: Topic): [ByKey, string] =>
    'orderId' in topic ? [byOrder, topic.orderId] : [byParty, topic.partyId];

  const remove = (subscriber: Subscriber) => {
    const [map, key] = placeOf(subscriber.topic);
    const others = map.get(key);
    others?.delete(subscriber);
    if (others?.size === 0) map.delete(key);
  };
  const all = () => [...byOrder.values(), ...byParty.values()].flatMap((some) => [...some]);
  return {
    followed: () => ({ orderIds: [...byOrder.keys()], partyIds: [...byParty.keys()] }),
    isEmpty: () => byOrder.size === 0 && byParty.size === 0,
    add: (subscriber: Subscriber): (() => void) => {
      const [map, key] = placeOf(subscriber.topic);
      map.set(key, (map.get(key) ?? new Set()).add(subscriber));
      return () => remove(subscriber);
    },
    hand: (row: FeedRow) => {
      const { clientId, freelancerId } = row.data.order;
      const concerned = [byOrder.get(row.orderId), byParty.get(clientId), byParty.get(freelancerId)];
      for (const some of concerned) for (const { take } of some ?? []) take(row);
    },
    refresh: ({ orders }: HoldChange) => {
      const concerned =
        orders === null
          ? all()
          : [
              ...orders.orderIds.flatMap((id) => [...(byOrder.get(id) ?? [])]),
              ...orders.partyIds.flatMap((id) => [...(byParty.get(id) ?? [])]),
            ];
      for (const { refresh } of concerned) refresh();
    },
    loseAll: () => {
      for (const subscriber of all()) {
        remove(subscriber);
        subscriber.lose();
      }
    },
  };
}

interface Joining {
  readonly subscriber: Subscriber;
  readonly resolve: (subscription: Subscription) => void;
  readonly reject: (error: unknown) => void;
}

const LIMIT = 500;
/** How often the holds are looked at. */
const HOLDS_MS = 1_000;

/**
 * Makes the reader; it asks the database for nothing yet.
 * @param onFailure told once each time that the log can no longer be read; it is tried again until it can
 */
export function createLiveFeed(db: Database, onFailure: (error: unknown) => void): LiveFeed {
  const subscribers = createSubscribers();
  const holdWatch = createHoldWatch(db);
  let lookedAt = 0;
  let joining: Joining[] = [];
  let isRunning = false;
  let isFailing = false;
  /** The position while no read is under way; null during one, which asks only for the topics that were known before. */
  let restingAt: number | null = null;

  const admit = (position: number) => {
    const admitted = joining;
    joining = [];
    for (const { subscriber, resolve } of admitted) resolve({ position, end: subscribers.add(subscriber) });
  };

  const lookAtHolds = async () => {
    lookedAt = performance.now();
    for (const change of await holdWatch.look()) subscribers.refresh(change);
  };

  const read = async (after: number): Promise<FeedPage> => {
    try {
      await sequenceLog(db);
      const page = await readFeed(db, { after, followed: subscribers.followed(), limit: LIMIT });
      if (performance.now() - lookedAt >= HOLDS_MS) await lookAtHolds();
      isFailing = false;
      return page;
    } catch (error) {
      // Without subscribers the failure concerns no stream; the process may be stopping.
      if (!isFailing && !subscribers.isEmpty()) onFailure(error);
      isFailing = true;
      return { rows: [], nextAfter: after, isAtEnd: true, end: after };
    }
  };

  const readOn = async (begin: number) => {
    for (let position = begin; ; ) {
      admit(position);
      if (subscribers.isEmpty()) {
        // In the same turn in which there was no subscriber: the next one starts the reader again.
        isRunning = false;
        return;
      }
      const page = await read(position);
      if (page.end < position) subscribers.loseAll();
      for (const row of page.rows) subscribers.hand(row);
      position = Math.min(page.nextAfter, page.end);
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
      // The first look comes before the first subscriber, so that none misses what begins after it has joined.
      holdWatch.reset();
      await lookAtHolds();
      await sequenceLog(db);
      await readOn(await endOfFeed(db));
    } catch (error) {
      isRunning = false;
      for (const { reject } of joining) reject(error);
      joining = [];
    }
  };

  return {
    subscribe: (subscriber) =>
      new Promise((resolve, reject) => {
        joining.push({ subscriber, resolve, reject });
        if (restingAt !== null) admit(restingAt);
        else if (!isRunning) void start();
      }),
  };
}
