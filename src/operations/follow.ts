import type { Database } from '../platform/database.ts';
import { type FeedRow, readFeed } from '../store/feed.ts';
import type { LiveFeed } from './live-feed.ts';

export interface FollowRequest {
  readonly orderId: string;
  /** The position behind which to begin; null to begin now. */
  readonly after: number | null;
  readonly render: (row: FeedRow) => string;
  /** For how long nothing has to come until that is told. */
  readonly quietMs: number;
  /** How much of what is rendered may wait for a slow reader. Beyond that it ends; what it has not read is in the log. */
  readonly maxQueuedBytes: number;
}

/** Somebody who follows an order. */
export interface Following {
  /** Where the log was read up to when it began. */
  readonly position: number;
  /** Each entry behind the position at which to begin, once and in sequence; null where none has come for `quietMs`. */
  readonly entries: AsyncGenerator<string | null, void>;
  /** Ends the entries, also where somebody waits for one. */
  readonly end: () => void;
}

interface Rendered {
  readonly seq: number;
  readonly text: string;
}

/** What has come and has not been read yet. */
function createQueue(maxBytes: number) {
  let waiting: Rendered[] = [];
  let bytes = 0;
  let isEnded = false;
  let failure: unknown;
  let wake = () => {};

  const end = () => {
    isEnded = true;
    waiting = [];
    wake();
  };
  const somethingComes = (withinMs: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  return {
    end,
    isEnded: () => isEnded,
    put: (seq: number, render: () => string) => {
      if (isEnded) return;
      try {
        const text = render();
        waiting.push({ seq, text });
        bytes += Buffer.byteLength(text);
      } catch (error) {
        failure = error; // for the one who reads, and not for the others who get this entry
        end();
      }
      if (bytes > maxBytes) end();
      wake();
    },
    /** Takes the oldest; null if none comes in time, undefined at the end. */
    next: async (withinMs: number): Promise<Rendered | null | undefined> => {
      if (waiting.length === 0 && !isEnded) await somethingComes(withinMs);
      if (failure !== undefined) throw failure;
      if (isEnded) return undefined;
      const first = waiting.shift();
      bytes -= Buffer.byteLength(first?.text ?? '');
      return first ?? null;
    },
  };
}

type Queue = ReturnType<typeof createQueue>;

const PAGE = 50;

async function* entriesOf(db: Database, queue: Queue, begin: number, request: FollowRequest) {
  const { orderId, after, render, quietMs } = request;
  let sent = begin;
  for (let isBehind = after !== null; isBehind; ) {
    const page = await readFeed(db, { after: sent, orderId, limit: PAGE });
    for (const row of page.rows) {
      if (queue.isEnded()) return;
      yield render(row);
    }
    sent = page.nextAfter;
    isBehind = !page.isAtEnd;
  }
  for (;;) {
    const next = await queue.next(quietMs);
    if (next === undefined) return;
    if (next === null) yield null;
    else if (next.seq > sent) {
      sent = next.seq;
      yield next.text;
    }
  }
}

/**
 * Follows an order from a position on. It listens first and then reads what there is already, so that nothing falls
 * between the two; what it hears of something that it has read is dropped.
 */
export async function follow(db: Database, liveFeed: LiveFeed, request: FollowRequest): Promise<Following> {
  const queue = createQueue(request.maxQueuedBytes);
  const { position, end } = await liveFeed.subscribe(request.orderId, (row) =>
    queue.put(row.seq, () => request.render(row)),
  );
  return {
    position,
    entries: entriesOf(db, queue, request.after ?? position, request),
    end: () => {
      end();
      queue.end();
    },
  };
}
