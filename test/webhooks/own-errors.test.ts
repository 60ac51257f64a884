import { Webhook } from 'standardwebhooks';
import { beforeAll, describe, expect, test } from 'vitest';
import { presentWebhook } from '../../src/http/present/events.ts';
import { createEncryption } from '../../src/platform/encryption.ts';
import { type Answer, type OutgoingRequest, openOutgoing } from '../../src/platform/network/outgoing.ts';
import { startWebhookSender } from '../../src/webhooks/sender.ts';
import { onCleanup, once } from '../harness/cleanup.ts';
import { type CapturedLog, captureLog } from '../harness/log.ts';
import { seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { deliveriesOf, endpointOf, LOCAL, manager, settledDeliveries, subscribe } from './endpoints.ts';
import { startReceiver } from './receiver.ts';

const ERROR = 50;
const TAKEN: Answer = { statusCode: 204, error: null, text: null, retryAfter: null, durationMs: 1 };

/** What our own code throws when it is broken. */
const broken = (): never => {
  throw new TypeError('build is not a function');
};

let service: Service;
beforeAll(async () => {
  service = await startService({ env: LOCAL });
});

/** Runs the sender of webhooks with a way out that a test breaks and mends. */
function startSender(post: (request: OutgoingRequest) => Promise<Answer>): {
  readonly log: CapturedLog;
  readonly stop: () => Promise<void>;
} {
  const log = captureLog('info');
  const { WEBHOOK_ENCRYPTION_KEY: keys } = service.config;
  if (keys === undefined) throw new Error('the harness sets a key');
  const sender = startWebhookSender({
    write: service.deps.write,
    metrics: service.deps.app.system.metrics,
    log: log.log,
    outgoing: { post, close: async () => {} },
    encryption: createEncryption(keys),
    present: presentWebhook,
  });
  const stop = once(sender.stop);
  onCleanup(stop);
  return { log, stop };
}

const endClaims = (endpointId: string) =>
  service.database.query(
    "UPDATE webhook_deliveries SET next_attempt_at = next_attempt_at - interval '61 s' WHERE endpoint_id = $1",
    [endpointId],
  );

describe('an error of our own while a webhook is sent', () => {
  test('is logged as one, counts against no endpoint, and is sent once it is mended', async () => {
    const endpoint = await subscribe(service, await startReceiver(), { types: ['dispute.opened'] });
    await seedDispute(service, 'cancellation');
    let post = async (): Promise<Answer> => broken();
    const { log, stop } = startSender(() => post());
    const line = await waitFor('it is logged', () => log.lines().find(({ level }) => level === ERROR));
    expect(line).toMatchObject({ endpointId: endpoint.id, err: { type: 'TypeError' } });

    const [delivery] = await deliveriesOf(service, endpoint.id);
    expect(delivery).toMatchObject({ status: 'pending', attempts: [], nextAttemptAt: null });
    expect(await endpointOf(service, endpoint.id)).toMatchObject({ status: 'active', failingSince: null });
    const [row] = await service.database.query<{ attempts: number; wait: number }>(
      `SELECT attempts, extract(epoch FROM next_attempt_at - last_attempt_at)::float8 AS wait
       FROM webhook_deliveries WHERE endpoint_id = $1`,
      [endpoint.id],
    );
    expect(row).toEqual({ attempts: 0, wait: 60 });

    post = async () => TAKEN;
    await endClaims(endpoint.id);
    const [sent] = await settledDeliveries(service, endpoint.id, 1);
    expect(sent).toMatchObject({ status: 'delivered', attempts: [{ statusCode: 204, error: null }] });
    await stop();
    await manager(service).delete(`/v1/webhook-endpoints/${endpoint.id}`);
  });

  test('makes no hot loop, however much is due', async () => {
    await subscribe(service, await startReceiver(), { types: ['dispute.opened'] });
    for (let count = 0; count < 20; count += 1) await seedDispute(service, 'order_update');
    const times: number[] = [];
    const { stop } = startSender(async () => {
      times.push(performance.now());
      return broken();
    });
    await waitFor('it is tried after a pause', () => times.length > 17);
    await stop(); // or it would claim what the next test is about
    const pauses = times.slice(16).map((at, index) => Math.round(at - (times[index + 15] ?? 0)));
    expect(pauses[0]).toBeGreaterThanOrEqual(990);
    expect(pauses[1]).toBeGreaterThanOrEqual(1_990);
  });
});

test('a previous secret that no key decrypts is left out: the current one signs, and the log says so once', async () => {
  const endpoint = await subscribe(service, await startReceiver(), { types: ['dispute.opened'] });
  await service.database.query(
    `UPDATE webhook_endpoints SET previous_secret = 'bm8=', previous_secret_until = now() + interval '1 hour' WHERE id = $1`,
    [endpoint.id],
  );
  for (let count = 0; count < 2; count += 1) await seedDispute(service, 'cancellation');
  const sent: OutgoingRequest[] = [];
  const { log, stop } = startSender(async (request) => {
    if (request.url === endpoint.url) sent.push(request);
    return TAKEN;
  });
  await settledDeliveries(service, endpoint.id, 2);
  await stop();
  expect(sent.map(({ headers }) => String(headers['webhook-signature']).split(' '))).toEqual([
    [expect.stringMatching(/^v1,/)],
    [expect.stringMatching(/^v1,/)],
  ]);
  for (const { body, headers } of sent) new Webhook(endpoint.secret).verify(body, headers);
  const told = log.lines().filter(({ endpointId }) => endpointId === endpoint.id);
  expect(told.map(({ msg }) => msg)).toEqual([expect.stringContaining('previous secret')]);
  await manager(service).delete(`/v1/webhook-endpoints/${endpoint.id}`);
});

test('a request that cannot be made is an error of our own, and a refused connection is none', async () => {
  const outgoing = openOutgoing({ allowInsecure: true });
  onCleanup(outgoing.close);
  const request = { url: 'http://127.0.0.1:1/', headers: {}, body: '{}' };
  expect(await outgoing.post(request)).toMatchObject({ statusCode: null, error: 'ECONNREFUSED' });
  await expect(outgoing.post({ ...request, headers: { 'x-line': 'a\nb' } })).rejects.toThrow(/header/);
});
