import { Readable } from 'node:stream';
import { type Caller, callerKey } from '../operations/caller.ts';
import { type Following, follow } from '../operations/follow.ts';
import type { LiveFeed } from '../operations/live-feed.ts';
import type { Database } from '../platform/database.ts';
import type { FeedRow } from '../store/feed.ts';
import { presentEvent } from './present-event.ts';
import { problemError } from './problems.ts';

/** How much one process spends on streams. */
export interface StreamLimits {
  /** How often a stream says that it is still there while nothing happens. */
  readonly heartbeatMs: number;
  /** When a stream ends: also the time for which it outlives the token that it was opened with. */
  readonly lifetimeMs: number;
  readonly perCaller: number;
  readonly perProcess: number;
  /** How much waits for a reader that is slow. */
  readonly maxQueuedBytes: number;
}

export const STREAM_LIMITS: StreamLimits = {
  // Proxies and the time limit of our own connections take a minute of silence for the end.
  heartbeatMs: 15_000,
  lifetimeMs: 600_000,
  perCaller: 10,
  perProcess: 1_000,
  maxQueuedBytes: 1_048_576,
};

const RETRY_MS = 2_000;
const RETRY_AFTER_S = '10';
const HEARTBEAT = ': nothing new\n\n';

/** One message of a stream of server-sent events. */
export function streamMessage(id: number, event: string, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** An event as the parties of its order get it. */
export const eventMessage = (row: FeedRow): string => streamMessage(row.seq, row.type, presentEvent(row, true));

/** How a stream that begins now says where that is. */
export function readyMessage(position: number, now: number): string {
  return streamMessage(position, 'ready', { serverTime: new Date(now).toISOString(), position });
}

/** What a stream begins with: how long to wait before coming back. */
export const STREAM_OPENING = `retry: ${RETRY_MS}\n\n`;

async function* messagesOf({ entries }: Following, opening: string) {
  yield opening;
  for await (const entry of entries) yield entry ?? HEARTBEAT;
}

/** Counts the streams that are open; `take` refuses one that is too many, or says how to give its place back. */
function createPlaces({ perCaller, perProcess }: StreamLimits) {
  const byCaller = new Map<string, number>();
  let all = 0;
  return {
    take: (key: string): (() => void) => {
      const headers = { 'retry-after': RETRY_AFTER_S };
      const own = byCaller.get(key) ?? 0;
      if (own >= perCaller) {
        throw problemError('rate_limited', `A caller may have ${perCaller} streams open at a time.`, { headers });
      }
      if (all >= perProcess) {
        throw problemError('unavailable', 'There are more streams open than can be served.', { headers });
      }
      byCaller.set(key, own + 1);
      all += 1;
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        all -= 1;
        const left = (byCaller.get(key) ?? 0) - 1;
        if (left > 0) byCaller.set(key, left);
        else byCaller.delete(key);
      };
    },
  };
}

export interface StreamRequest {
  readonly caller: Caller;
  /** An order that the caller may see. */
  readonly orderId: string;
  /** The position behind which to begin; null to begin now. */
  readonly after: number | null;
  /** The clock that decides, when the request was looked at. */
  readonly now: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
}

/** The streams of one process. */
export interface EventStreams {
  /**
   * Opens a stream of what happens to an order.
   * @throws ProblemError `rate_limited` or `unavailable` where there are too many
   */
  readonly open: (request: StreamRequest) => Promise<Readable>;
}

/** Makes the place for the streams of a process; it costs nothing while there are none. */
export function createEventStreams(db: Database, liveFeed: LiveFeed, limits = STREAM_LIMITS): EventStreams {
  const places = createPlaces(limits);

  const streamOf = (following: Following, { after, now, signal }: StreamRequest, giveBack: () => void) => {
    const opening = STREAM_OPENING + (after === null ? readyMessage(following.position, now) : '');
    const stream = Readable.from(messagesOf(following, opening), { objectMode: false });
    const lifetime = setTimeout(following.end, limits.lifetimeMs);
    const finish = () => {
      clearTimeout(lifetime);
      following.end();
      giveBack();
    };
    stream.once('close', finish);
    if (signal.aborted) finish();
    else signal.addEventListener('abort', finish, { once: true });
    return stream;
  };

  return {
    open: async (request) => {
      const giveBack = places.take(callerKey(request.caller));
      try {
        const { orderId, after } = request;
        const { heartbeatMs: quietMs, maxQueuedBytes } = limits;
        const following = await follow(db, liveFeed, { orderId, after, render: eventMessage, quietMs, maxQueuedBytes });
        return streamOf(following, request, giveBack);
      } catch (error) {
        giveBack();
        throw error;
      }
    },
  };
}
