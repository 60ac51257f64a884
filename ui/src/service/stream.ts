import { delay, type Http, retryAfter, SignedOut } from './http.ts';
import { createMessageParser } from './messages.ts';

type State = 'connecting' | 'live' | 'offline' | 'signed_out';

/** What the follower of an order is told. */
export interface FollowHandlers {
  /** Something happened, or may have been missed: what the page shows has to be read again. */
  readonly onChange: () => void;
  readonly onState: (state: State) => void;
}

/** What the reader of a stream is told. */
interface StreamHandlers {
  /** An order has changed; without an order, any of them may have. */
  readonly onChange: (orderId?: string) => void;
  readonly onState: (state: State) => void;
}

/** What the leading element tells the others: which order has changed, or how the stream stands. */
type News = { readonly orderId: string | undefined } | { readonly state: State };

/** What an element says that has joined and wants to know how the stream stands. */
const HELLO = 'hello';

const SILENCE_MS = 45_000; // a quiet stream carries a heartbeat every 15 s
const LONGEST_DELAY_MS = 30_000;
const FIRST_RETRY_MS = 1_000;
const SPREAD_MS = 2_000; // all readers of all streams get `refresh` at once

interface Position {
  id: string | null;
  retryMs: number;
}

/** Reads one connection to its end. @throws what fetch throws, or when the connection is silent for too long */
async function readConnection(
  response: Response,
  connection: AbortController,
  position: Position,
  handlers: StreamHandlers,
): Promise<void> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const parse = createMessageParser();
  const decoder = new TextDecoder();
  let alarm: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      alarm = setTimeout(() => connection.abort(), SILENCE_MS);
      const { done, value } = await reader.read();
      clearTimeout(alarm);
      if (done) return;
      for (const { event, id, data, retry } of parse(decoder.decode(value, { stream: true }))) {
        if (retry !== null) position.retryMs = retry;
        if (event === 'ready') {
          // After a break without a position, or with a lost one, something may have been missed.
          if (id !== position.id) handlers.onChange();
          handlers.onState('live');
        } else if (event === 'refresh') setTimeout(() => handlers.onChange(), Math.random() * SPREAD_MS);
        else if (event !== 'end') handlers.onChange((JSON.parse(data) as { readonly orderId?: string }).orderId);
        if (id !== null) position.id = id;
      }
    }
  } finally {
    clearTimeout(alarm);
    connection.abort();
  }
}

/** How long to wait after so many failures in a row: twice as long each time, half of it random. */
function backOff(retryMs: number, failures: number): number {
  if (failures === 0) return retryMs;
  return Math.min(LONGEST_DELAY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}

/** Waits; a network that comes back ends the wait. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  const woken = new AbortController();
  const wake = () => woken.abort();
  globalThis.addEventListener('online', wake, { once: true });
  await delay(ms, AbortSignal.any([signal, woken.signal]));
  globalThis.removeEventListener('online', wake);
}

/** Reads the events of all orders of the user until the signal aborts, or the user may not read them any more. */
async function readStream(http: Http, handlers: StreamHandlers, signal: AbortSignal): Promise<void> {
  const position: Position = { id: null, retryMs: FIRST_RETRY_MS };
  let failures = 0;
  let isRefused = false;
  handlers.onState('connecting');
  while (!signal.aborted) {
    const connection = new AbortController();
    let waitMs: number | null = null;
    try {
      const headers = {
        accept: 'text/event-stream',
        ...(position.id !== null && { 'last-event-id': position.id }),
      };
      const response = await http.open('/v1/events/stream', headers, AbortSignal.any([signal, connection.signal]));
      if (response.status === 401 && !isRefused) {
        isRefused = true;
        http.refuseToken();
        connection.abort();
        continue;
      }
      if (response.status === 401) throw new SignedOut();
      isRefused = false;
      if (response.status === 403) return;
      if (response.status === 409) position.id = null;
      if (response.ok) {
        failures = 0;
        await readConnection(response, connection, position, handlers);
      } else {
        failures += 1;
        waitMs = retryAfter(response.headers);
        connection.abort();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof SignedOut) return handlers.onState('signed_out');
      failures += 1;
      handlers.onState('offline');
    }
    await rest(Math.max(waitMs ?? 0, backOff(position.retryMs, failures)), signal);
  }
}

/** A signal that aborts when the page is hidden or shown, or when the given one does. */
function untilTurned(signal: AbortSignal): AbortSignal {
  const turned = new AbortController();
  document.addEventListener('visibilitychange', () => turned.abort(), { once: true, signal });
  return AbortSignal.any([signal, turned.signal]);
}

/**
 * Follows an order until the signal aborts, or the user may not read its events any more. All elements of a user in a browser
 * share one stream, since a browser has six connections to a host over HTTP/1.1: the element that holds a Web Lock reads the
 * stream, and tells the others by a BroadcastChannel which order has changed, and nothing of it. A hidden page passes the lock
 * on, because browsers freeze hidden pages. Where there are no locks, each element reads a stream of its own.
 */
export async function followOrder(
  http: Http,
  orderId: string,
  { onChange, onState }: FollowHandlers,
  signal: AbortSignal,
): Promise<void> {
  const name = `resolution-center ${(await http.caller()) ?? Math.random()}`;
  const channel = new BroadcastChannel(name);
  let state: State = 'connecting';
  let isLeading = false;
  let isJoining = true;

  const take = (told: News) => {
    if ('state' in told) {
      state = told.state;
      onState(state);
    } else if (told.orderId === undefined || told.orderId === orderId) onChange();
  };
  const tell = (told: News) => {
    // A message that was put off may come when another element leads, or when the channel is closed.
    if (!isLeading) return;
    take(told);
    channel.postMessage(told);
  };
  // The others find out with tokens of their own.
  const tellState = (now: State) => (now === 'signed_out' ? onState(now) : tell({ state: now }));
  const lead = async (turn: AbortSignal) => {
    isLeading = true;
    await readStream(http, { onChange: (changed) => tell({ orderId: changed }), onState: tellState }, turn);
    isLeading = false;
  };
  channel.onmessage = ({ data }: MessageEvent<News | typeof HELLO>) => {
    if (data !== HELLO) {
      take(data);
      // Of what happened between the first reading and the first message, only the others were told.
      if (isJoining) onChange();
      isJoining = false;
    } else if (isLeading) channel.postMessage({ state });
  };

  while (!signal.aborted) {
    const turn = untilTurned(signal);
    if (document.hidden) await new Promise((resolve) => turn.addEventListener('abort', resolve));
    else {
      channel.postMessage(HELLO);
      try {
        await navigator.locks.request(name, { signal: turn }, () => lead(turn));
      } catch {
        // There are no locks in a page that is not secure, nor in a sandboxed frame.
        if (!turn.aborted) await lead(turn);
      }
      if (!turn.aborted) break;
    }
  }
  channel.close();
}
