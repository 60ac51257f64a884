import type { FeedRow } from '../../application/feed/feed.ts';
import type { EndReason } from '../../application/feed/follow.ts';
import { iso } from '../endpoint/instants.ts';
import { presentEvent } from '../present/events.ts';

// Every block of a stream has data: some clients (@microsoft/fetch-event-source) hand a block without data to the page as an
// empty message, and pages that parse it as JSON fail there.

/**
 * Keeps a quiet connection open. A comment line, and no blank line behind it: the line belongs to the next block, so that
 * no client sees a block of its own.
 */
export const HEARTBEAT = ': heartbeat\n';

// After a restart of the service, all of its clients reconnect; the jitter spreads them over some seconds.
const RETRY_MS = { least: 2_000, most: 5_000 };
// A browser with more open tabs than streams: a tab that was ended waits that long before it ends the stream of another tab.
const RETRY_TOO_MANY_MS = { least: 30_000, most: 60_000 };
// Lifetimes end one by one, so that the clients may come back at once.
const RETRY_LIFETIME_MS = { least: 100, most: 500 };

const between = ({ least, most }: { readonly least: number; readonly most: number }) =>
  Math.round(least + Math.random() * (most - least));

/** One block of a stream of server-sent events. A block without an id leaves the client's position as it is. */
function block(
  fields: { readonly retry?: number; readonly id?: number; readonly event: string },
  data: object,
): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  return `${lines.join('')}data: ${JSON.stringify(data)}\n\n`;
}

/** An event as the parties of its order get it. */
export const eventMessage = (row: FeedRow): string => block({ id: row.seq, event: row.type }, presentEvent(row, true));

/**
 * The first message of every stream.
 * @param position the position behind which the stream begins
 * @param now the database's clock, in milliseconds
 * @param retryMs how long the client waits before it reconnects
 */
export const readyMessage = (position: number, now: number, retryMs = between(RETRY_MS)): string =>
  block({ retry: retryMs, id: position, event: 'ready' }, { serverTime: iso(now), position });

/** A hold that covers an order of the stream has begun or ended. It has no id: it is no entry of the log. */
export const REFRESH = block({ event: 'refresh' }, { reason: 'hold' });

const RETRY_AFTER: Partial<Record<EndReason, { readonly least: number; readonly most: number }>> = {
  too_many_streams: RETRY_TOO_MANY_MS,
  lifetime: RETRY_LIFETIME_MS,
};

/**
 * The last message of a stream that the service ends.
 * @param retryMs how long the client waits before it reconnects; null for as long as the first message said
 */
export function endMessage(reason: EndReason, retryMs = retryAfter(reason)): string {
  return block({ ...(retryMs !== null && { retry: retryMs }), event: 'end' }, { reason });
}

function retryAfter(reason: EndReason): number | null {
  const range = RETRY_AFTER[reason];
  return range === undefined ? null : between(range);
}
