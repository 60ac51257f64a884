import { delay, type Http, retryAfter, SignedOut } from './http.ts';
import { createMessageParser } from './messages.ts';

/** What the follower of a stream is told. */
export interface StreamHandlers {
  /** Something happened, or may have been missed: what the page shows has to be read again. */
  readonly onChange: () => void;
  readonly onState: (state: 'connecting' | 'live' | 'offline' | 'signed_out') => void;
}

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
      for (const { event, id, retry } of parse(decoder.decode(value, { stream: true }))) {
        if (retry !== null) position.retryMs = retry;
        if (event === 'ready') {
          // After a break without a position, or with a lost one, something may have been missed.
          if (id !== position.id) handlers.onChange();
          handlers.onState('live');
        } else if (event === 'refresh') setTimeout(handlers.onChange, Math.random() * SPREAD_MS);
        else if (event !== 'end') handlers.onChange();
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
  globalThis.addEventListener?.('online', wake, { once: true });
  await delay(ms, AbortSignal.any([signal, woken.signal]));
  globalThis.removeEventListener?.('online', wake);
}

/** Follows the events of one order until the signal aborts, or the user may not read them any more. */
export async function followOrder(
  http: Http,
  orderId: string,
  handlers: StreamHandlers,
  signal: AbortSignal,
): Promise<void> {
  const position: Position = { id: null, retryMs: FIRST_RETRY_MS };
  const path = `/v1/orders/${encodeURIComponent(orderId)}/events/stream`;
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
      const response = await http.open(path, headers, AbortSignal.any([signal, connection.signal]));
      if (response.status === 401 && !isRefused) {
        isRefused = true;
        http.refuseToken();
        connection.abort();
        continue;
      }
      if (response.status === 401) throw new SignedOut();
      isRefused = false;
      if (response.status === 403 || response.status === 404) return;
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
