import { Readable } from 'node:stream';
import { type Caller, callerKey } from '../../application/caller.ts';
import { type EndReason, type Following, follow } from '../../application/feed/follow.ts';
import type { LiveFeed, Topic } from '../../application/feed/live-feed.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { positionAhead } from '../problems/problems.ts';
import { endMessage, eventMessage, HEARTBEAT, REFRESH, readyMessage } from './stream-messages.ts';
import { createStreamPlaces, type StreamNumbers } from './stream-places.ts';

/** What one process spends on streams. */
export interface StreamLimits extends StreamNumbers {
  /** The time without an event after which a stream carries a heartbeat. */
  readonly heartbeatMs: number;
  /** When a stream ends, give or take a tenth: also the time for which it outlives the token that it was opened with. */
  readonly lifetimeMs: number;
  /** The most text that waits for a slow reader. */
  readonly maxQueuedBytes: number;
  /** The time in which a reader takes the last message of a stream that has ended; then its connection is destroyed. */
  readonly lingerMs: number;
}

export const STREAM_LIMITS: StreamLimits = {
  // Proxies, and the timeout of our own connections, take a minute of silence for the end.
  heartbeatMs: 15_000,
  lifetimeMs: 600_000,
  perCaller: 10,
  perProcess: 1_000,
  maxQueuedBytes: 1_048_576,
  lingerMs: 5_000,
};

// Streams that began together, after a restart, do not end together.
const LIFETIME_JITTER = 0.1;

async function* messagesOf({ entries, end }: Following, opening: string) {
  try {
    yield opening;
    for (;;) {
      const { done, value } = await entries.next();
      if (done === true) {
        yield endMessage(value);
        return;
      }
      yield value ?? HEARTBEAT;
    }
  } finally {
    end('shutdown'); // the reader has gone, or rendering failed; an earlier reason stays
  }
}

export interface StreamRequest {
  readonly caller: Caller;
  /** An order that the caller may see, or the caller's own id. */
  readonly topic: Topic;
  /** The position behind which to begin; null to begin now. */
  readonly after: number | null;
  /** The database's clock, for the first message. */
  readonly now: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
}

/** The streams of one process. */
export interface EventStreams {
  /**
   * Opens a stream of the events of a topic.
   * @throws ProblemError `position_ahead`, or `unavailable` where the process has too many
   */
  readonly open: (request: StreamRequest) => Promise<Readable>;
}

export interface EventStreamsDeps {
  readonly db: Database;
  readonly liveFeed: LiveFeed;
  readonly metrics: Pick<Metrics, 'streamsOpen' | 'streamsEnded'>;
}

/** Makes the streams of a process; without any open, they cost nothing. */
export function createEventStreams({ db, liveFeed, metrics }: EventStreamsDeps, limits = STREAM_LIMITS): EventStreams {
  const places = createStreamPlaces(limits);
  const lifetime = () => limits.lifetimeMs * (1 + LIFETIME_JITTER * (2 * Math.random() - 1));

  const streamOf = (following: Following, { caller, topic, now, signal }: StreamRequest): Readable => {
    const kind = 'orderId' in topic ? 'order' : 'user';
    const giveBack = places.take(callerKey(caller), () => following.end('too_many_streams'));
    const opening = readyMessage(following.position, now);
    const stream = Readable.from(messagesOf(following, opening), { objectMode: false });
    const alarm = setTimeout(following.end, lifetime(), 'lifetime');
    const stop = () => following.end('shutdown');
    let reason: EndReason | null = null;
    let linger: NodeJS.Timeout | undefined;
    void following.ended.then((why) => {
      reason = why;
      // A reader that takes nothing any more would keep its place for ever.
      if (!stream.closed) linger = setTimeout(() => stream.destroy(), limits.lingerMs);
    });
    metrics.streamsOpen.inc({ kind });
    stream.once('close', () => {
      metrics.streamsOpen.dec({ kind });
      metrics.streamsEnded.inc({ reason: stream.readableEnded && reason !== null ? reason : 'disconnected' });
      clearTimeout(alarm);
      clearTimeout(linger);
      signal.removeEventListener('abort', stop);
      following.end('shutdown');
      giveBack();
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    return stream;
  };

  return {
    open: async (request) => {
      const { topic, after } = request;
      const { heartbeatMs: quietMs, maxQueuedBytes } = limits;
      const rendering = { render: eventMessage, refresh: REFRESH };
      const following = await follow(db, liveFeed, { topic, after, ...rendering, quietMs, maxQueuedBytes });
      if ('logEnd' in following) throw positionAhead(following.logEnd);
      try {
        return streamOf(following, request);
      } catch (error) {
        following.end('shutdown');
        throw error;
      }
    },
  };
}
