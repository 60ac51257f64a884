import type { Center, Dispute, Effects, TextsBody, TimelineEntry, TimelinePage } from '../api-types.ts';
import type { GetToken } from '../resolution-center.d.ts';
import { createServerClock, type ServerClock } from './clock.ts';
import { createHttp, type Http, type Outcome, type Problem } from './http.ts';
import { followOrder } from './stream.ts';

export type Connection = 'connecting' | 'live' | 'offline' | 'signed_out';

/** What the element shows. */
export interface Snapshot {
  readonly center: Center | null;
  /** Of the open dispute, or else of the last one. */
  readonly timeline: readonly TimelineEntry[];
  readonly connection: Connection;
  /** Why there is nothing to show, or why what is shown may be old. */
  readonly problem: Problem | null;
}

const EMPTY: Snapshot = { center: null, timeline: [], connection: 'connecting', problem: null };

export interface StoreOptions {
  readonly api: () => string;
  readonly getToken: () => GetToken | null;
  readonly locale: () => string;
  readonly onChange: (snapshot: Snapshot, before: Snapshot) => void;
}

/** A command of the viewer, which may be sent several times and takes effect once. */
export interface Command {
  readonly href: string;
  readonly body: unknown;
  /** The state that the viewer has seen. */
  readonly etag: string | null;
  readonly key: string;
}

export interface Store {
  readonly clock: ServerClock;
  /** Shows an order from now on, until `stop`. */
  readonly start: (orderId: string) => void;
  readonly stop: () => void;
  readonly refresh: () => Promise<void>;
  readonly readTexts: (locale: string) => Promise<TextsBody | null>;
  readonly send: (command: Command) => Promise<Outcome<Dispute>>;
  /** What a command would do. Null where the service does not say. */
  readonly dryRun: (command: Command) => Promise<Outcome<{ readonly effects: Effects }> | null>;
  /** Says that the viewer has seen a request. @returns whether the service has taken it */
  readonly markSeen: (disputeId: string) => Promise<boolean>;
}

/** The dispute whose timeline is shown. */
export const shownDispute = (center: Center | null): Dispute | null =>
  center?.openDispute ?? center?.lastDispute ?? null;

interface Timeline {
  readonly disputeId: string;
  readonly etag: string;
  readonly data: readonly TimelineEntry[];
}

// A dispute has at most 200 comments, so that all of its timeline is a few pages.
const MAX_PAGES = 10;

/** Reads what the answer of the resolution center does not hold of the timeline. What cannot be read now is read next time. */
async function readTimeline(http: Http, center: Center, known: Timeline | null): Promise<Timeline | null> {
  const dispute = shownDispute(center);
  if (dispute === null) return null;
  const { id, etag } = dispute;
  if (known?.disputeId === id && known.etag === etag) return known;
  const data: TimelineEntry[] = [];
  let page: TimelinePage | null = center.timeline ?? null;
  let next: string | null = null;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    if (page === null) {
      const cursor: string = pages === 0 ? '' : `?cursor=${encodeURIComponent(next ?? '')}`;
      const read: Outcome<TimelinePage> = await http.request('GET', `/v1/disputes/${id}/timeline${cursor}`);
      if (!read.ok) return known?.disputeId === id ? known : { disputeId: id, etag: '', data };
      page = read.body;
    }
    data.push(...page.data);
    next = page.nextCursor ?? null;
    if (next === null) break;
    page = null;
  }
  return { disputeId: id, etag, data };
}

/** Makes the store of one element: what it knows of its order, and what it may do. */
export function createStore({ onChange, ...options }: StoreOptions): Store {
  const http = createHttp(options);
  const clock = createServerClock();
  let snapshot = EMPTY;
  let timeline: Timeline | null = null;
  let current: { readonly orderId: string; readonly ended: AbortController } | null = null;
  let reading: Promise<void> | null = null;
  let isAskedAgain = false;
  let knowsDryRun = true;

  const update = (change: Partial<Snapshot>) => {
    const before = snapshot;
    snapshot = { ...snapshot, ...change };
    onChange(snapshot, before);
  };

  const readOnce = async ({ orderId, ended }: NonNullable<typeof current>): Promise<void> => {
    const path = `/v1/orders/${encodeURIComponent(orderId)}/resolution-center`;
    const known = snapshot.center?.orderId === orderId ? snapshot.center : null;
    const headers = known === null ? {} : { 'if-none-match': known.etag };
    const read = await http.request<Center | null>('GET', path, { headers, signal: ended.signal });
    if (ended.signal.aborted) return;
    if (!read.ok) return update({ problem: read.problem });
    const center = read.body ?? known;
    if (center === null) return;
    if (read.body !== null) {
      clock.sync(center.serverTime, read.sentAt, read.receivedAt, typeof center.order.testClockId === 'string');
      timeline = await readTimeline(http, center, timeline);
      if (ended.signal.aborted) return;
    }
    update({ center, timeline: timeline?.data ?? [], problem: null });
  };

  /** Reads until nothing has happened during the last reading: requests to read that come meanwhile become one. */
  const refresh = async (): Promise<void> => {
    isAskedAgain = true;
    reading ??= (async () => {
      while (isAskedAgain && current !== null) {
        isAskedAgain = false;
        await readOnce(current);
      }
    })().finally(() => {
      reading = null;
    });
    await reading;
  };

  const stop = () => {
    current?.ended.abort();
    current = null;
    timeline = null;
    update(EMPTY);
  };

  const post = <T>({ href, body, etag, key }: Command, query: string, headers: Record<string, string>) =>
    http.request<T>('POST', href + query, {
      body,
      headers: { ...headers, ...(etag !== null && { 'if-match': etag }), 'idempotency-key': key },
    });

  return {
    clock,
    stop,
    refresh,
    start: (orderId) => {
      stop();
      const ended = new AbortController();
      current = { orderId, ended };
      void refresh();
      const handlers = {
        onChange: () => void refresh(),
        onState: (connection: Connection) => {
          if (!ended.signal.aborted && connection !== snapshot.connection) update({ connection });
        },
      };
      void followOrder(http, orderId, handlers, ended.signal);
    },
    readTexts: async (locale) => {
      const read = await http.request<TextsBody>('GET', `/v1/texts?locale=${encodeURIComponent(locale)}`);
      return read.ok ? read.body : null;
    },
    send: async (command) => {
      const sent = await post<Dispute>(command, '', {});
      await refresh();
      return sent;
    },
    dryRun: async (command) => {
      if (!knowsDryRun) return null;
      const run = await post<{ readonly effects: Effects }>(command, '?dryRun=true', {});
      // A service without dry runs refuses the parameter.
      if (!run.ok && run.problem.errors.some(({ pointer }) => pointer === '/query/dryRun')) knowsDryRun = false;
      return knowsDryRun ? run : null;
    },
    markSeen: async (disputeId) => (await http.request('POST', `/v1/disputes/${disputeId}/seen`)).ok,
  };
}
