import type { Logger } from 'pino';
import { Webhook } from 'standardwebhooks';
import type { Metrics } from '../operations/metrics.ts';
import { type Attempt, type Claimed, claimDue, fanOut, isDelivered, recordOutcome } from '../operations/webhooks.ts';
import type { WriteDeps } from '../operations/write.ts';
import type { Answer, Outgoing, OutgoingRequest } from '../platform/outgoing.ts';
import type { Sealer } from '../platform/sealer.ts';
import { failSpan, tracedUnder, traceParent } from '../platform/tracing.ts';
import { VERSION } from '../platform/version.ts';
import type { FeedRow } from '../store/feed.ts';
import { endpointsWithDue } from '../store/webhook-deliveries.ts';
import { createCollector } from './collector.ts';
import { type Loop, startLoop } from './loop.ts';

export interface WebhookSenderDeps {
  readonly write: WriteDeps;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly outgoing: Outgoing;
  readonly sealer: Sealer;
  /** Makes the payload of an event; with what people wrote only where the endpoint may have it. */
  readonly present: (entry: FeedRow, withComment: boolean) => unknown;
}

const INTERVAL_MS = 150;
/** How many deliveries to one endpoint are under way at a time; while it fails, one to see whether it is back. */
const AT_ONCE = 16;
const PROBES = 1;
const COLLECT_MS = 5;
const COLLECT_LIMIT = 100;
const USER_AGENT = `resolution-center/${VERSION}`;

/** The request of a delivery, signed by every secret that counts. */
export function signedRequest(
  { delivery, endpoint, entry, secrets }: Claimed,
  deps: Pick<WebhookSenderDeps, 'sealer' | 'present'>,
) {
  const payload = entry === null ? delivery.payload : deps.present(entry, endpoint.includeComments);
  const body = JSON.stringify(payload);
  const sentAt = new Date();
  const signatures = secrets.map((sealed) =>
    new Webhook(deps.sealer.open(sealed, endpoint.id)).sign(delivery.messageId, sentAt, body),
  );
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'user-agent': USER_AGENT,
    'webhook-id': delivery.messageId,
    'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
    'webhook-signature': signatures.join(' '),
  };
  return { url: endpoint.url, headers, body };
}

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
    if (!isDelivered(answer)) failSpan(span, answer.statusCode === null ? 'no_answer' : String(answer.statusCode));
    return answer;
  });
}

async function attempt(deps: WebhookSenderDeps, claimed: Claimed): Promise<Attempt> {
  const { metrics, outgoing } = deps;
  const { delivery, entry } = claimed;
  if (delivery.attempts === 0 && entry !== null) {
    metrics.webhookFirstAttempt.observe(Math.max(0, ((delivery.lastAttemptAt ?? 0) - entry.occurredAt) / 1_000));
  }
  try {
    const answer = await send(outgoing, signedRequest(claimed, deps), claimed);
    metrics.webhookAttempts.inc({ outcome: isDelivered(answer) ? 'delivered' : 'failed' });
    metrics.webhookDuration.observe(answer.durationMs / 1_000);
    return { claimed, answer };
  } catch (error) {
    // Nothing was sent: the secret cannot be opened, say. It is tried again like any other failure.
    deps.log.error({ err: error, endpointId: claimed.endpoint.id }, 'a webhook could not be made');
    metrics.webhookAttempts.inc({ outcome: 'not_sent' });
    const answer = {
      statusCode: null,
      error: 'the request could not be made',
      text: null,
      retryAfter: null,
      durationMs: 0,
    };
    return { claimed, answer };
  }
}

/** Writes attempts down, those of one endpoint together. */
async function record({ write, log }: WebhookSenderDeps, attempts: readonly Attempt[]): Promise<undefined[]> {
  const byEndpoint = new Map<string, Attempt[]>();
  for (const one of attempts) {
    const { id } = one.claimed.endpoint;
    byEndpoint.set(id, [...(byEndpoint.get(id) ?? []), one]);
  }
  await Promise.all(
    [...byEndpoint].map(async ([endpointId, some]) => {
      const disabled = await recordOutcome(write, endpointId, some);
      if (disabled !== null) log.error({ endpointId, reason: disabled }, 'a webhook endpoint was disabled');
    }),
  );
  return attempts.map(() => undefined);
}

/** Sends to one endpoint until nothing is due for it any more: a receiver that is slow keeps nobody waiting but itself. */
async function runLane(deps: WebhookSenderDeps, endpointId: string, isStopped: () => boolean): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const collect = createCollector({ waitMs: COLLECT_MS, limit: COLLECT_LIMIT }, (attempts: readonly Attempt[]) =>
    record(deps, attempts),
  );
  const deliver = async (claimed: Claimed) => {
    await collect(await attempt(deps, claimed)).catch((error: unknown) => {
      // Its lease will run out, and it will be sent again: at least once.
      deps.log.warn({ err: error, endpointId }, 'what came of a webhook could not be written down');
    });
  };
  while (!isStopped()) {
    const limit = AT_ONCE - underWay.size;
    const probes = Math.max(0, PROBES - underWay.size);
    const claimed = limit === 0 ? [] : await claimDue(deps.write, endpointId, { limit, probes });
    for (const one of claimed) {
      const sending: Promise<void> = deliver(one).finally(() => underWay.delete(sending));
      underWay.add(sending);
    }
    if (underWay.size === 0) break;
    await Promise.race(underWay);
  }
  await Promise.all(underWay);
}

/** Hands events to endpoints: makes deliveries of what has happened, and sends what is due, each endpoint in its own lane. */
export function startWebhookSender(deps: WebhookSenderDeps): Loop {
  const lanes = new Map<string, Promise<void>>();
  let stopped = false;
  const loop = startLoop({ name: 'webhooks', intervalMs: INTERVAL_MS, log: deps.log }, async () => {
    await fanOut(deps.write);
    for (const endpointId of await endpointsWithDue(deps.write.db)) {
      if (lanes.has(endpointId)) continue;
      const lane = runLane(deps, endpointId, () => stopped)
        .catch((error: unknown) => deps.log.warn({ err: error, endpointId }, 'a webhook lane ended early'))
        .finally(() => lanes.delete(endpointId));
      lanes.set(endpointId, lane);
    }
    return 'done';
  });
  return {
    stop: async () => {
      stopped = true;
      await loop.stop();
      await Promise.all(lanes.values());
    },
  };
}
