import { setTimeout as sleep } from 'node:timers/promises';
import type { CoreDeps } from '../application/write.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Answer, Outgoing, OutgoingRequest } from '../platform/network/outgoing.ts';
import { isolate } from '../platform/postgres/isolate.ts';
import { failSpan, tracedUnder, traceParent } from '../platform/tracing.ts';
import { createBatcher, type ItemOutcome } from '../workers/batcher.ts';
import { type Loop, startLoop } from '../workers/loop.ts';
import { reviseDeliveries } from './changes.ts';
import { type Attempt, type Claimed, claimDue, fanOut, recordOutcome } from './deliver.ts';
import { createRequestMaker, type RequestDeps } from './signed-request.ts';
import { isSuccess } from './states.ts';
import { endpointsWithDue } from './store/states.ts';

export interface WebhookSenderDeps extends RequestDeps {
  readonly write: CoreDeps;
  readonly metrics: Metrics;
  readonly outgoing: Outgoing;
}

/** What a lane works with. */
interface LaneDeps extends WebhookSenderDeps {
  /** Makes the request of a delivery; it throws where that is an error of our own. */
  readonly requestOf: (claimed: Claimed) => OutgoingRequest;
}

const INTERVAL_MS = 150;
const COLLECT_MS = 5;
const COLLECT_LIMIT = 100;
const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Sends it in the trace of the event that it tells of; the receiver may go on with it. */
function send(outgoing: Outgoing, request: OutgoingRequest, { delivery, endpoint, entry }: Claimed): Promise<Answer> {
  const attributes = {
    'http.request.method': 'POST',
    // Neither path nor query: there may be a secret in them.
    'server.address': new URL(request.url).hostname,
    'http.request.resend_count': delivery.attempts,
    'resolution_center.webhook_endpoint_id': endpoint.id,
    'resolution_center.webhook_id': delivery.messageId,
    'resolution_center.event_type': delivery.type,
  };
  return tracedUnder(entry?.traceParent ?? null, 'POST webhook', { kind: 'client', attributes }, async (span) => {
    const traceparent = traceParent();
    const headers = { ...request.headers, ...(traceparent !== null && { traceparent }) };
    const answer = await outgoing.post({ ...request, headers });
    if (answer.statusCode !== null) span.setAttribute('http.response.status_code', answer.statusCode);
    if (!isSuccess(answer)) failSpan(span, answer.statusCode === null ? 'no_answer' : String(answer.statusCode));
    return answer;
  });
}

/**
 * Makes one attempt.
 * @returns null if the request was not sent because of an error of our own. The endpoint had no part in it, so nothing is
 *   recorded: the delivery keeps its count of attempts and is tried again when its claim runs out.
 */
async function attempt(deps: LaneDeps, claimed: Claimed): Promise<Attempt | null> {
  const { metrics, outgoing, log, requestOf } = deps;
  const { delivery, endpoint, entry } = claimed;
  try {
    const answer = await send(outgoing, requestOf(claimed), claimed);
    // An event on a test clock happened in the clock's time, which says nothing of how long it waited.
    if (delivery.attempts === 0 && entry !== null && entry.data.order.testClockId === null) {
      metrics.webhookFirstAttempt.observe(Math.max(0, ((delivery.lastAttemptAt ?? 0) - entry.occurredAt) / 1_000));
    }
    metrics.webhookAttempts.inc({ outcome: isSuccess(answer) ? 'delivered' : 'failed' });
    metrics.webhookDuration.observe(answer.durationMs / 1_000);
    return { claimed, answer };
  } catch (error) {
    log.error({ err: error, endpointId: endpoint.id, deliveryId: delivery.id }, 'a webhook could not be sent');
    metrics.webhookAttempts.inc({ outcome: 'not_sent' });
    return null;
  }
}

/** Writes down attempts at deliveries of one endpoint; says of each whether it was. */
async function record(
  { write, log }: WebhookSenderDeps,
  endpointId: string,
  attempts: readonly Attempt[],
): Promise<ItemOutcome<undefined>[]> {
  const failed = new Map<Attempt, unknown>();
  await isolate([attempts], {
    isInOrder: true,
    work: async (some) => {
      const disabled = await recordOutcome(write, endpointId, some);
      if (disabled !== null) log.error({ endpointId, reason: disabled }, 'a webhook endpoint was disabled');
    },
    setAside: (attempt, error) => void failed.set(attempt, error),
  });
  return attempts.map((attempt) => (failed.has(attempt) ? { error: failed.get(attempt) } : { result: undefined }));
}

/** How long a lane pauses after errors of our own: a second at first, doubled each time in a row, at most a minute. */
const pauseMs = (pauses: number): number => Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** pauses);

/** Wakes a lane that waits for an attempt to end. */
interface Bell {
  ring: () => void;
  readonly heard: () => Promise<void>;
}

function createBell(): Bell {
  const bell: Bell = {
    ring: () => {},
    heard: () =>
      new Promise((resolve) => {
        bell.ring = resolve;
      }),
  };
  return bell;
}

/**
 * Sends to one endpoint until nothing is due for it: a slow receiver delays only its own deliveries. After an error of our
 * own the lane pauses and then sends one delivery at a time until one is sent, so that such an error makes no hot loop.
 */
async function runLane(
  deps: LaneDeps,
  endpointId: string,
  { bell, stopping }: { readonly bell: Bell; readonly stopping: AbortSignal },
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  let isBroken = false;
  let pauses = 0;
  const collect = createBatcher({ waitMs: COLLECT_MS, limit: COLLECT_LIMIT }, (attempts: readonly Attempt[]) =>
    record(deps, endpointId, attempts),
  );
  const deliver = async (claimed: Claimed) => {
    const made = await attempt(deps, claimed);
    isBroken = made === null;
    if (made === null) return;
    pauses = 0;
    await collect(made).catch((error: unknown) => {
      // The delivery is sent again when its claim runs out: at least once.
      deps.log.warn({ err: error, endpointId }, 'what came of a webhook could not be written down');
    });
  };
  while (!stopping.aborted) {
    const atMost = isBroken ? 1 - underWay.size : Number.POSITIVE_INFINITY;
    const claimed = atMost <= 0 ? [] : await claimDue(deps.write, endpointId, atMost);
    for (const one of claimed) {
      const sending: Promise<void> = deliver(one).finally(() => underWay.delete(sending));
      underWay.add(sending);
    }
    if (underWay.size === 0) break;
    // The bell rings while more is due: an attempt that hangs gives up its slot.
    await Promise.race([...underWay, bell.heard()]);
    if (!isBroken) continue;
    await sleep(pauseMs(pauses), undefined, { signal: stopping }).catch(() => {});
    pauses += 1;
  }
  await Promise.all(underWay);
}

/** Hands events to endpoints: makes deliveries of what has happened, and sends what is due, each endpoint in its own lane. */
export function startWebhookSender(deps: WebhookSenderDeps): Loop {
  const lanes = new Map<string, { readonly bell: Bell; readonly ended: Promise<void> }>();
  const stopping = new AbortController();
  const laneDeps = { ...deps, requestOf: createRequestMaker(deps) };
  const loop = startLoop({ name: 'webhooks', intervalMs: INTERVAL_MS, log: deps.log }, async () => {
    await fanOut({ ...deps.write, log: deps.log });
    for (const endpointId of await endpointsWithDue(deps.write.db)) {
      const running = lanes.get(endpointId);
      if (running !== undefined) {
        running.bell.ring();
        continue;
      }
      const bell = createBell();
      const ended = runLane(laneDeps, endpointId, { bell, stopping: stopping.signal })
        .catch((error: unknown) => deps.log.warn({ err: error, endpointId }, 'a webhook lane ended early'))
        .finally(() => lanes.delete(endpointId));
      lanes.set(endpointId, { bell, ended });
    }
    return 'done';
  });
  // A loop of its own: revising half a million deliveries of one endpoint takes minutes.
  const revisions = startLoop({ name: 'webhook revisions', intervalMs: INTERVAL_MS, log: deps.log }, async () =>
    (await reviseDeliveries(deps.write.db)) ? 'more' : 'done',
  );
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all([loop.stop(), revisions.stop()]);
      await Promise.all([...lanes.values()].map(({ ended }) => ended));
    },
  };
}
