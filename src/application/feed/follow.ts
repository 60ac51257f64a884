import type { Database } from '../../platform/postgres/database.ts';
import { endOfFeed, type FeedRow, readFeed } from '../../store/feed.ts';
import { isHeldNow } from '../../store/holds.ts';
import type { LiveFeed, Topic } from './live-feed.ts';

export interface FollowRequest {
  readonly topic: Topic;
  /** The position behind which to begin; null to begin now. */
  readonly after: number | null;
  readonly render: (row: FeedRow) => string;
  /** What the reader gets when a hold that covers an order of the topic begins or ends. */
  readonly refresh: string;
  /** After this time without an entry the reader gets null. */
  readonly quietMs: number;
  /** The most rendered text that waits for a slow reader. Beyond it the reader is ended; the log has what it has not read. */
  readonly maxQueuedBytes: number;
}

/** Why entries end: `too_slow` and `log_restored` are found out here, the others come from the caller of `end`. */
export const END_REASONS = ['lifetime', 'too_many_streams', 'shutdown', 'too_slow', 'log_restored'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** One reader of a topic. */
export interface Following {
  /** The position behind which it begins. */
  readonly position: number;
  /** Each entry behind the position, once and in sequence; null where none has come for `quietMs`. It returns why it ended. */
  readonly entries: AsyncGenerator<string | null, EndReason>;
  /** Ends the entries, also while their reader waits for one. Only the first reason counts. */
  readonly end: (reason: EndReason) => void;
  /** Resolves when the entries end, whether or not their reader takes notice; it never rejects. */
  readonly ended: Promise<EndReason>;
}

/** The position asked for lies beyond the end of the log. */
export interface Ahead {
  readonly logEnd: number;
}

interface Rendered {
  /** Null for what is no entry of the log. */
  readonly seq: number | null;
  readonly text: string;
}

/** Entries that have come and that the reader has not taken yet. */
function createQueue(maxBytes: number) {
  let waiting: Rendered[] = [];
  let bytes = 0;
  let ended: EndReason | null = null;
  let failure: unknown;
  let wake = () => {};
  let tell: (reason: EndReason) => void = () => {};
  const whenEnded = new Promise<EndReason>((resolve) => {
    tell = resolve;
  });

  const end = (reason: EndReason) => {
    ended ??= reason;
    waiting = [];
    tell(ended);
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
    whenEnded,
    ended: () => ended,
    put: (seq: number | null, render: () => string) => {
      if (ended !== null || failure !== undefined) return;
      try {
        const text = render();
        waiting.push({ seq, text });
        bytes += Buffer.byteLength(text);
      } catch (error) {
        failure = error; // thrown to this reader alone: the others can render the entry
      }
      if (bytes > maxBytes) end('too_slow');
      wake();
    },
    /** Takes the oldest entry; null if none comes in time or the queue ends meanwhile. */
    next: async (withinMs: number): Promise<Rendered | null> => {
      if (waiting.length === 0 && ended === null && failure === undefined) await somethingComes(withinMs);
      if (failure !== undefined) throw failure;
      const first = waiting.shift();
      bytes -= Buffer.byteLength(first?.text ?? '');
      return first ?? null;
    },
  };
}

type Queue = ReturnType<typeof createQueue>;

const PAGE = 50;

/** The entries that the log has already, page by page. It returns the position that was reached. */
async function* entriesOfLog(db: Database, queue: Queue, after: number, { topic, render }: FollowRequest) {
  for (let position = after; ; ) {
    const page = await readFeed(db, { after: position, ...topic, limit: PAGE });
    for (const row of page.rows) {
      if (queue.ended() !== null) return position;
      yield render(row);
    }
    position = page.nextAfter;
    if (page.isAtEnd || queue.ended() !== null) return position;
  }
}

async function* entriesOf(db: Database, queue: Queue, begin: number, request: FollowRequest) {
  let sent = request.after === null ? begin : yield* entriesOfLog(db, queue, begin, request);
  for (;;) {
    const next = await queue.next(request.quietMs);
    const ended = queue.ended();
    if (ended !== null) return ended;
    if (next === null) yield null;
    else if (next.seq === null) yield next.text;
    else if (next.seq > sent) {
      sent = next.seq;
      yield next.text;
    }
  }
}

/**
 * What a reader that comes back may have missed beside the log: it does not know whether a hold began meanwhile. That one
 * ended, the moved deadlines in the log tell.
 * @param read where the live reader is
 */
async function resume(
  db: Database,
  queue: Queue,
  { topic, after, refresh }: FollowRequest,
  read: number,
): Promise<Ahead | null> {
  if (after === null) return null;
  if (await isHeldNow(db, topic)) queue.put(null, () => refresh);
  // The live reader may be a moment behind a position that another process has handed out.
  const logEnd = after > read ? await endOfFeed(db) : after;
  return after > logEnd ? { logEnd } : null;
}

/**
 * Follows a topic from a position on. It subscribes first and then reads what the log has already, so that nothing falls
 * between the two; an entry that comes both ways is dropped the second time.
 */
export async function follow(db: Database, liveFeed: LiveFeed, request: FollowRequest): Promise<Following | Ahead> {
  const queue = createQueue(request.maxQueuedBytes);
  const { position, end } = await liveFeed.subscribe({
    topic: request.topic,
    take: (row) => queue.put(row.seq, () => request.render(row)),
    refresh: () => queue.put(null, () => request.refresh),
    lose: () => queue.end('log_restored'),
  });
  const begin = request.after ?? position;
  const ahead = await resume(db, queue, request, position).catch((error: unknown) => {
    end();
    throw error;
  });
  if (ahead !== null) {
    end();
    return ahead;
  }
  return {
    position: begin,
    entries: entriesOf(db, queue, begin, request),
    ended: queue.whenEnded,
    end: (reason) => {
      end();
      queue.end(reason);
    },
  };
}
