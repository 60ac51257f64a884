import { beforeAll, describe, expect, test } from 'vitest';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { keepDeliveries } from '../../src/webhooks/housekeeping.ts';
import { CLIENT, seedDispute, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  type Delivery,
  deliveriesOf,
  type Endpoint,
  type EndpointWithSecret,
  LOCAL,
  letDeliveriesWait,
  manager,
  settledDeliveries,
  subscribe,
} from './endpoints.ts';
import { type Reaction, type Receiver, startReceiver } from './receiver.ts';

const [MINUTE_MS, HOUR_MS] = [60_000, 3_600_000];
const PATIENCE_MS = 60_000;

let service: Service;
beforeAll(async () => {
  service = await startService({ role: 'all', env: LOCAL });
});

/** A dispute that was opened and accepted: five events of one order. */
async function story(): Promise<string> {
  const { id: orderId } = await seedOrder(service);
  const { id } = await seedDispute(service, 'order_change', { orderId });
  await service.as(CLIENT).post(`/v1/disputes/${id}/accept`);
  return orderId;
}
const EVENTS = 5;

const change = (endpoint: Endpoint, body: object) =>
  manager(service).patch<Endpoint>(`/v1/webhook-endpoints/${endpoint.id}`, body);
const versionsOf = ({ received }: Receiver, orderId: string) =>
  received.flatMap(({ message }) => (message.data.orderId === orderId ? [message.data.orderVersion] : []));

interface Failing {
  readonly receiver: Receiver;
  readonly endpoint: EndpointWithSecret;
  /** Its only delivery, which has failed three times: the next attempt is half an hour away. */
  readonly delivery: Delivery;
}

async function failThrice(third: Reaction = { status: 500 }): Promise<Failing> {
  const receiver = await startReceiver();
  receiver.react = () => (receiver.received.length < 3 ? { status: 500 } : third);
  const endpoint = await subscribe(service, receiver, { types: ['dispute.opened'] });
  await story();
  const failed = (count: number) =>
    waitFor(
      `attempt ${count} has failed`,
      async () => {
        const [one] = await deliveriesOf(service, endpoint.id);
        return one !== undefined && one.attempts.length >= count && one.nextAttemptAt !== null && one;
      },
      PATIENCE_MS,
    );
  for (let attempt = 1; attempt < 3; attempt += 1) {
    await failed(attempt);
    await letDeliveriesWait(service.database, endpoint.id, 6 * MINUTE_MS);
  }
  return { receiver, endpoint, delivery: await failed(3) };
}

const waitOf = ({ nextAttemptAt, attempts }: Delivery) =>
  Date.parse(nextAttemptAt ?? '') - Date.parse(attempts.at(-1)?.at ?? '');

describe('what failed is sent soon', () => {
  test('at the URL to which its endpoint was corrected, as the first of ten attempts', async () => {
    const { receiver, endpoint, delivery } = await failThrice();
    expect(waitOf(delivery)).toBeGreaterThanOrEqual(30 * MINUTE_MS);
    const right = await startReceiver();
    right.secrets = receiver.secrets;
    right.react = () => ({ status: 500 });
    await change(endpoint, { url: right.url });
    const again = await waitFor('it was tried at the right URL', async () => {
      const [one] = await deliveriesOf(service, endpoint.id);
      return one?.attempts.length === 4 && one.nextAttemptAt !== null && one;
    });
    expect(again.attempts.at(-1)).toMatchObject({ counted: true, statusCode: 500 });
    expect(waitOf(again)).toBeLessThan(MINUTE_MS);
  });

  test('when its endpoint is made active, without counting', async () => {
    const { endpoint, delivery, receiver } = await failThrice();
    await change(endpoint, { active: true });
    const early = await waitFor('it was tried early', async () => {
      const [one] = await deliveriesOf(service, endpoint.id);
      return one?.attempts.length === 4 && one.nextAttemptAt !== null && one;
    });
    expect(early.attempts.map(({ counted }) => counted)).toEqual([true, true, true, false]);
    expect(early.nextAttemptAt).toBe(delivery.nextAttemptAt);
    receiver.react = () => ({ status: 204 });
    await change(endpoint, { active: true });
    await settledDeliveries(service, endpoint.id, 1);
  });

  test('but not before the end of a wait that its receiver asked for', async () => {
    const { endpoint, receiver } = await failThrice({ status: 429, headers: { 'retry-after': '7200.5' } });
    receiver.react = () => ({ status: 204 });
    await change(endpoint, { active: true });
    await waitFor('deliveries are revised', async () => {
      const open = 'SELECT FROM webhook_endpoints WHERE id = $1 AND revise_after IS NULL';
      return (await service.database.query(open, [endpoint.id])).length > 0;
    });
    const [delivery] = await deliveriesOf(service, endpoint.id);
    expect([delivery?.attempts.length, waitOf(delivery as Delivery) >= 2 * HOUR_MS + 500]).toEqual([3, true]);
    await letDeliveriesWait(service.database, endpoint.id, 3 * HOUR_MS);
    await settledDeliveries(service, endpoint.id, 1);
  });

  test('but not since a message to try the endpoint out was taken: that is no recovery', async () => {
    const { endpoint, delivery, receiver } = await failThrice();
    receiver.react = ({ message }) => ({ status: message.type === 'webhook_endpoint.test' ? 204 : 500 });
    const sent = await manager(service).post<Delivery>(`/v1/webhook-endpoints/${endpoint.id}/test`);
    const path = `/v1/webhook-deliveries/${sent.body.id}`;
    const isTaken = async () => (await manager(service).get<Delivery>(path)).body.status === 'delivered';
    await waitFor('the test was taken', isTaken);
    const after = (await manager(service).get<Delivery>(`/v1/webhook-deliveries/${delivery.id}`)).body;
    expect([after.nextAttemptAt, after.attempts.length]).toEqual([delivery.nextAttemptAt, 3]);
  });
});

test('a type that an endpoint does not want any more is skipped, and keeps nothing of its order back', async () => {
  const receiver = await startReceiver();
  receiver.react = ({ message }) => ({ status: message.type === 'dispute.opened' ? 500 : 204 });
  const endpoint = await subscribe(service, receiver);
  await story();
  await waitFor('the first was refused, and the others wait', async () => {
    const all = await deliveriesOf(service, endpoint.id);
    return (
      all.length === EVENTS && all.some(({ attempts, nextAttemptAt }) => attempts.length > 0 && nextAttemptAt !== null)
    );
  });
  await change(endpoint, { types: ['dispute.accepted', 'order.extras_added'] });
  const all = await settledDeliveries(service, endpoint.id, EVENTS);
  const statuses = all.map(({ type, status }) => `${type} ${status}`).toSorted((a, b) => a.localeCompare(b));
  expect(statuses).toEqual([
    'dispute.accepted delivered',
    'dispute.opened skipped',
    'order.extras_added delivered',
    'order.status_changed skipped',
    'order.status_changed skipped',
  ]);
  // Asked for again, it is sent, whatever the endpoint wants.
  receiver.react = () => ({ status: 204 });
  const opened = all.find(({ type }) => type === 'dispute.opened');
  await manager(service).post(`/v1/webhook-deliveries/${opened?.id}/redeliver`);
  const again = await settledDeliveries(service, endpoint.id, EVENTS);
  expect(again.find(({ id }) => id === opened?.id)?.status).toBe('delivered');
});

test('a receiver that hangs on one order gets the events of other orders meanwhile', async () => {
  const receiver = await startReceiver();
  const { id: hanging } = await seedOrder(service);
  receiver.react = ({ message }) => (message.data.orderId === hanging ? null : { status: 204 });
  await subscribe(service, receiver);
  await seedDispute(service, 'order_update', { orderId: hanging });
  await waitFor('the attempt hangs', () => versionsOf(receiver, hanging).length > 0);
  for (let n = 0; n < 3; n += 1) {
    const other = await story();
    await waitFor('another order gets through', () => versionsOf(receiver, other).length === EVENTS);
  }
  expect(versionsOf(receiver, hanging)).toHaveLength(1);
  await receiver.close();
});

test('a redelivered event waits for the earlier ones of its order that are not over', async () => {
  const receiver = await startReceiver();
  const endpoint = await subscribe(service, receiver);
  const orderId = await story();
  const all = await settledDeliveries(service, endpoint.id, EVENTS);
  const [last, first] = [all[0], all.at(-1)];
  receiver.react = ({ message }) => ({ status: message.data.orderVersion === first?.orderVersion ? 500 : 204 });
  const redeliver = (id = '') => manager(service).post<Delivery>(`/v1/webhook-deliveries/${id}/redeliver`);
  await redeliver(first?.id);
  await waitFor('the first is refused', () => versionsOf(receiver, orderId).length > EVENTS);
  expect((await redeliver(last?.id)).body.status).toBe('waiting');
  receiver.react = () => ({ status: 204 });
  await redeliver(first?.id);
  await settledDeliveries(service, endpoint.id, EVENTS);
  expect(versionsOf(receiver, orderId).at(-1)).toBe(last?.orderVersion);
});

test('a replay from beyond the end of the log is refused with the end', async () => {
  const receiver = await startReceiver();
  const endpoint = await subscribe(service, receiver);
  await story();
  await settledDeliveries(service, endpoint.id, EVENTS);
  const [row] = await service.database.query<{ end: number }>('SELECT max(seq)::integer AS "end" FROM log_entries');
  const end = row?.end ?? 0;
  const replay = (after: number) => manager(service).post(`/v1/webhook-endpoints/${endpoint.id}/replay`, { after });
  const { status, code, problem } = await replay(end + 1);
  expect({ status, code, end: problem['end'] }).toEqual({ status: 409, code: 'position_ahead', end });
  expect((await replay(end)).status).toBe(202);
});

/** Runs a round of housekeeping; returns what the age of the oldest message owed is by it, in seconds. */
async function keep(of: Service): Promise<{ outcome: 'more' | 'done'; ageS: number }> {
  const metrics = createMetrics('api');
  const outcome = await keepDeliveries(of.deps.write.db, metrics);
  const [value] = (await metrics.webhookOldestAge.get()).values;
  return { outcome, ageS: value?.value ?? 0 };
}

describe('the age of the oldest message that is owed', () => {
  test('counts what an active endpoint is owed, since when it was last asked for', async () => {
    const own = await startService({ role: 'all', env: LOCAL });
    const receiver = await startReceiver();
    const endpoint = await subscribe(own, receiver, { types: ['dispute.opened'] });
    const patch = (body: object) => manager(own).patch(`/v1/webhook-endpoints/${endpoint.id}`, body);
    await seedDispute(own, 'cancellation');
    const [delivered] = await settledDeliveries(own, endpoint.id, 1);
    await letDeliveriesWait(own.database, endpoint.id, 24 * HOUR_MS);
    receiver.react = () => ({ status: 500 });
    await manager(own).post(`/v1/webhook-deliveries/${delivered?.id}/redeliver`);
    expect((await keep(own)).ageS).toBeLessThan(HOUR_MS / 1_000);
    // Time does not pass for a delivery while an attempt of it is under way.
    await waitFor('what is owed is two hours old', async () => {
      await letDeliveriesWait(own.database, endpoint.id, 2 * HOUR_MS);
      return (await keep(own)).ageS >= (2 * HOUR_MS) / 1_000;
    });
    await patch({ active: false });
    expect((await keep(own)).ageS).toBe(0);
    await letDeliveriesWait(own.database, endpoint.id, 24 * HOUR_MS);
    await patch({ active: true });
    expect((await keep(own)).ageS).toBeLessThan(HOUR_MS / 1_000);
    await own.close();
  });
});

test('an endpoint with many deliveries is removed at once, and its deliveries in steps', async () => {
  const own = await startService({ role: 'api', env: LOCAL });
  const receiver = await startReceiver();
  const endpoint = await subscribe(own, receiver, { active: false });
  const many = 2_500;
  await own.database.query(
    `INSERT INTO webhook_deliveries (id, endpoint_id, message_id, type, order_id, order_version, seq, status, created_at,
       queued_at)
     SELECT gen_random_uuid(), $1, gen_random_uuid(), 'dispute.opened', 'order-' || n, 1, n, 'waiting', now(), now()
     FROM generate_series(1, $2::integer) AS n`,
    [endpoint.id, many],
  );
  const left = async () =>
    (await own.database.query<{ n: number }>('SELECT count(*)::integer AS n FROM webhook_deliveries'))[0]?.n;
  const [one] = await own.database.query<{ id: string }>('SELECT id FROM webhook_deliveries LIMIT 1');
  expect((await manager(own).delete(`/v1/webhook-endpoints/${endpoint.id}`)).status).toBe(200);
  expect([await left(), (await manager(own).get(`/v1/webhook-deliveries/${one?.id}`)).status]).toEqual([many, 404]);
  const rounds: [string, number | undefined][] = [];
  for (let round = 0; round < 4; round += 1) rounds.push([(await keep(own)).outcome, await left()]);
  expect(rounds).toEqual([
    ['more', many - 1_000],
    ['more', many - 2_000],
    ['more', 0],
    ['done', 0],
  ]);
  await own.close();
});
