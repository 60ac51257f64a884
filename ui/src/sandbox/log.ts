import type { Dispute } from '../api-types.ts';
import { delay } from '../service/http.ts';
import type { Call } from './api.ts';

/** An event of the feed, as far as the page shows it. */
export interface LoggedEvent {
  readonly seq: number;
  readonly type: string;
  readonly orderVersion: number;
  readonly occurredAt: string;
  readonly actor: { readonly role: string };
  readonly order: { readonly status: string; readonly deliverBy: string | null };
  readonly dispute?: Dispute | null;
  readonly previous: { readonly status?: string; readonly respondBy?: string } | null;
}

export interface Delivery {
  readonly id: string;
  readonly seq: number | null;
  readonly type: string;
  readonly orderId: string | null;
  readonly status: string;
  readonly attempts: readonly { readonly statusCode: number | null; readonly error: string | null }[];
}

/** What was sent to one webhook endpoint about the order that is shown. */
export interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly status: string;
  readonly deliveries: readonly Delivery[];
}

const ENDPOINTS_SHOWN = 5;
// The feed is not asked to wait: a browser has six connections to a host over HTTP/1.1, for all tabs together.
const ROUND_MS = 2_000;
/** Calls of webhooks follow their events by some moments; a call that fails is sent again much later. */
const CALLS_FOLLOW_MS = 1_500;
const ROUNDS = 10;
const UNFINISHED: ReadonlySet<string> = new Set(['waiting', 'pending']);

export interface LogHandlers {
  readonly onEvents: (events: readonly LoggedEvent[]) => void;
  readonly onEndpoints: (endpoints: readonly Endpoint[]) => void;
}

/** Reads the newest calls of the first endpoints. */
export async function readEndpoints(call: Call, orderId: string): Promise<Endpoint[]> {
  const { data } = await call<{ data: Omit<Endpoint, 'deliveries'>[] }>(
    'service',
    'GET',
    `/v1/webhook-endpoints?limit=${ENDPOINTS_SHOWN}`,
  );
  return await Promise.all(
    data.map(async (endpoint) => {
      const path = `/v1/webhook-endpoints/${endpoint.id}/deliveries?limit=100`;
      const deliveries = (await call<{ data: Delivery[] }>('service', 'GET', path)).data;
      return { ...endpoint, deliveries: deliveries.filter((one) => one.orderId === orderId) };
    }),
  );
}

/** Resolves after a while, and no earlier than the page is visible. */
async function nextRound(signal: AbortSignal): Promise<void> {
  await delay(ROUND_MS, signal);
  while (document.hidden && !signal.aborted) {
    await new Promise((resolve) => {
      document.addEventListener('visibilitychange', resolve, { once: true, signal });
      signal.addEventListener('abort', resolve, { once: true });
    });
  }
}

/** Tells the events of an order and the webhook calls about them, as they happen, until the signal aborts. */
export async function followLog(
  call: Call,
  orderId: string,
  { onEvents, onEndpoints }: LogHandlers,
  signal: AbortSignal,
): Promise<void> {
  let round = 0;
  /** Shows the calls, and again for as long as some are to be sent yet. */
  const showEndpoints = async (isExpected: boolean, left = ROUNDS): Promise<void> => {
    round += 1;
    const own = round;
    const endpoints = await readEndpoints(call, orderId);
    if (signal.aborted || own !== round) return;
    onEndpoints(endpoints);
    const isOpen = endpoints.some(({ deliveries }) => deliveries.some(({ status }) => UNFINISHED.has(status)));
    if (left === 0 || !(isOpen || (isExpected && endpoints.length > 0))) return;
    setTimeout(() => void showEndpoints(false, left - 1).catch(() => {}), CALLS_FOLLOW_MS);
  };
  let after = 0;
  let mayHaveCalls = true;
  while (!signal.aborted) {
    try {
      const path = `/v1/events?orderId=${encodeURIComponent(orderId)}&after=${after}`;
      const page = await call<{ data: LoggedEvent[]; nextAfter: number }>('service', 'GET', path, { signal });
      if (signal.aborted) return;
      after = page.nextAfter;
      const hasEvents = page.data.length > 0;
      if (hasEvents) onEvents(page.data);
      mayHaveCalls ||= hasEvents;
      if (mayHaveCalls) await showEndpoints(hasEvents);
      mayHaveCalls = false;
    } catch {
      // The service is away, or restarts: the elements say so.
    }
    await nextRound(signal);
  }
}
