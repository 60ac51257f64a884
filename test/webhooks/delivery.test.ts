import { Webhook } from 'standardwebhooks';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ServiceProcess, startProcess } from '../harness/process.ts';
import { CLIENT, seedDispute, seedOrder } from '../harness/seed.ts';
import type { EventPage } from '../harness/types.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  type Delivery,
  deliveriesOf,
  endpointOf,
  LOCAL,
  letDeliveriesWait,
  manager,
  settledDeliveries,
  subscribe,
} from './endpoints.ts';
import { type Received, startReceiver } from './receiver.ts';

const HOUR_MS = 3_600_000;
/** For what takes several rounds of the worker, on a machine that has other things to do. */
const PATIENCE_MS = 60_000;

let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess({ env: LOCAL });
});

/** A dispute that was opened and accepted: five events of one order. */
async function story(): Promise<string> {
  const { id: orderId } = await seedOrder(service);
  const { id } = await seedDispute(service, 'order_change', { orderId });
  await service.as(CLIENT).post(`/v1/disputes/${id}/accept`, { comment: 'Only between us.' });
  return orderId;
}
const EVENTS = 5;

const ofOrder = (all: readonly Received[], orderId: string) =>
  all.filter(({ message }) => message.data.orderId === orderId);
const versions = (all: readonly Received[]) => all.map(({ message }) => message.data.orderVersion);

async function failingOnce(status: number, headers: Record<string, string> = {}) {
  const receiver = await startReceiver();
  receiver.react = () => ({ status, headers });
  const endpoint = await subscribe(service, receiver, { types: ['dispute.opened'] });
  await story();
  const failed = async () =>
    (await deliveriesOf(service, endpoint.id)).find(
      ({ attempts, nextAttemptAt, finishedAt }) => attempts.length > 0 && (nextAttemptAt ?? finishedAt) !== null,
    );
  return { receiver, endpoint, delivery: await waitFor('an attempt has failed', failed) };
}

const inMs = ({ nextAttemptAt, attempts }: Delivery) =>
  Date.parse(nextAttemptAt ?? '') - Date.parse(attempts.at(-1)?.at ?? '');

describe('an event is delivered', () => {
  test('to every endpoint, signed, as the feed has it, and once', async () => {
    const [first, second] = [await startReceiver(), await startReceiver()];
    const endpoints = [await subscribe(service, first), await subscribe(service, second)];
    const orderId = await story();
    for (const [index, receiver] of [first, second].entries()) {
      await settledDeliveries(service, endpoints[index]?.id ?? '', EVENTS);
      const got = ofOrder(receiver.received, orderId);
      const feed = await service.withScopes('events:read').get<EventPage>(`/v1/events?orderId=${orderId}`);
      expect(got.map(({ message }) => message.data)).toEqual(feed.body.data);
      expect(got.map(({ id }) => id)).toEqual(feed.body.data.map(({ id }) => id));
      expect(receiver.refused).toEqual([]);
    }
  });

  test('in the order of its order, one after the other, however slow the receiver is', async () => {
    const receiver = await startReceiver();
    const underWay = new Map<string, number>();
    let overlapped = false;
    receiver.react = async ({ message }) => {
      const { orderId = '' } = message.data;
      underWay.set(orderId, (underWay.get(orderId) ?? 0) + 1);
      overlapped ||= (underWay.get(orderId) ?? 0) > 1;
      await new Promise((resolve) => setTimeout(resolve, 20 * Math.random()));
      underWay.set(orderId, (underWay.get(orderId) ?? 0) - 1);
      return { status: 200 };
    };
    const endpoint = await subscribe(service, receiver);
    const orders = await Promise.all([story(), story(), story()]);
    await settledDeliveries(service, endpoint.id, 3 * EVENTS);
    expect(overlapped).toBe(false);
    for (const orderId of orders) expect(versions(ofOrder(receiver.received, orderId))).toEqual([1, 2, 3, 4, 5]);
  });

  test('only of the types that the endpoint wants, and without what people wrote unless it may have that', async () => {
    const [plain, trusted] = [await startReceiver(), await startReceiver()];
    const types = ['dispute.accepted'];
    const endpoints = [
      await subscribe(service, plain, { types }),
      await subscribe(service, trusted, { types, includeComments: true }),
    ];
    await story();
    for (const { id } of endpoints) await settledDeliveries(service, id, 1);
    expect(plain.received.map(({ message }) => message.type)).toEqual(types);
    expect(plain.received[0]?.body).not.toContain('Only between us.');
    expect(trusted.received[0]?.message.data['comment']).toBe('Only between us.');
  });

  test('to an endpoint that was not active meanwhile once it is active again', async () => {
    const receiver = await startReceiver();
    const endpoint = await subscribe(service, receiver, { active: false });
    const orderId = await story();
    await manager(service).patch(`/v1/webhook-endpoints/${endpoint.id}`, { active: true });
    await settledDeliveries(service, endpoint.id, EVENTS);
    expect(versions(ofOrder(receiver.received, orderId))).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('what is not taken', () => {
  test.each([301, 302, 307, 400, 404, 429, 500, 503])(
    'with 2xx, as here with %i, is tried again after five seconds',
    async (status) => {
      const { delivery } = await failingOnce(status, status < 400 ? { location: 'http://127.0.0.1:9/' } : {});
      expect(delivery).toMatchObject({ status: 'pending', attempts: [{ statusCode: status }] });
      expect(inMs(delivery)).toBeGreaterThanOrEqual(5_000);
      expect(inMs(delivery)).toBeLessThan(8_000);
    },
  );

  test('waits as long as the receiver asks for, up to a day', async () => {
    const soon = await failingOnce(429, { 'retry-after': '120' });
    expect(inMs(soon.delivery)).toBeGreaterThanOrEqual(120_000);
    const never = await failingOnce(503, { 'retry-after': '99999999' });
    expect(inMs(never.delivery)).toBeLessThan(27 * HOUR_MS);
  });

  test('delays the later events of its order, and no other', async () => {
    const receiver = await startReceiver();
    const { id: refusedOrder } = await seedOrder(service);
    receiver.react = ({ message }) => ({ status: message.data.orderId === refusedOrder ? 500 : 204 });
    const endpoint = await subscribe(service, receiver);
    await seedDispute(service, 'order_update', { orderId: refusedOrder });
    await waitFor('it was tried', () => ofOrder(receiver.received, refusedOrder).length > 0);
    const other = await story();
    await waitFor('the others got through', () => ofOrder(receiver.received, other).length === EVENTS);
    const stuck = (await deliveriesOf(service, endpoint.id)).filter(({ orderId }) => orderId === refusedOrder);
    expect(new Set(stuck.map(({ status }) => status))).toEqual(new Set(['pending', 'waiting']));
    receiver.react = () => ({ status: 204 });
    await letDeliveriesWait(service.database, endpoint.id, HOUR_MS);
    await settledDeliveries(service, endpoint.id, EVENTS + 2);
  });

  test(
    'comes all at once when a receiver that failed is back, and not when each would have been tried again',
    async () => {
      const receiver = await startReceiver();
      receiver.react = () => ({ status: 500 });
      const endpoint = await subscribe(service, receiver, { types: ['dispute.opened'] });
      for (let n = 0; n < 5; n += 1) await story();
      const triedBy = (times: number) => async () =>
        (await deliveriesOf(service, endpoint.id)).filter(({ attempts }) => attempts.length >= times).length === 5;
      await waitFor('each was tried', triedBy(1), PATIENCE_MS);
      await letDeliveriesWait(service.database, endpoint.id, 10_000);
      // The third time would be in five minutes.
      await waitFor('each was tried again', triedBy(2), PATIENCE_MS);
      // Without a success for five minutes, and with more than five failures, the endpoint is out of order.
      await letDeliveriesWait(service.database, endpoint.id, 4 * 60_000);
      await service.database.query(
        `UPDATE webhook_endpoints SET failing_since = failing_since - interval '1 minute' WHERE id = $1`,
        [endpoint.id],
      );
      receiver.react = () => ({ status: 204 });
      const [one] = await deliveriesOf(service, endpoint.id);
      await manager(service).post(`/v1/webhook-deliveries/${one?.id}/redeliver`);
      await settledDeliveries(service, endpoint.id, 5);
      expect((await endpointOf(service, endpoint.id)).failingSince).toBeNull();
    },
    2 * PATIENCE_MS,
  );

  test('is over after ten attempts, and lets the next event of its order go', async () => {
    const receiver = await startReceiver();
    receiver.react = ({ message }) => ({ status: message.type === 'dispute.opened' ? 500 : 204 });
    const endpoint = await subscribe(service, receiver);
    const orderId = await story();
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      await waitFor(`attempt ${attempt}`, () => receiver.received.length >= attempt);
      await waitFor('it is written down', async () =>
        (await deliveriesOf(service, endpoint.id)).some(({ attempts }) => attempts.length >= attempt),
      );
      await letDeliveriesWait(service.database, endpoint.id, 30 * HOUR_MS);
      // What counts is the number of attempts here, and not for how long it has been failing.
      const slate = 'UPDATE webhook_endpoints SET failing_since = NULL, failures = 0 WHERE id = $1';
      await service.database.query(slate, [endpoint.id]);
    }
    const all = await settledDeliveries(service, endpoint.id, EVENTS);
    expect(
      all.filter(({ status }) => status === 'failed').map(({ type, attempts }) => [type, attempts.length]),
    ).toEqual([['dispute.opened', 10]]);
    expect(new Set(versions(ofOrder(receiver.received, orderId)))).toEqual(new Set([1, 2, 3, 4, 5]));
  });
});

describe('an endpoint', () => {
  test('that answers 410 is disabled, and the others hear of it', async () => {
    const witness = await startReceiver();
    const other = await subscribe(service, witness, { types: ['webhook_endpoint.disabled'] });
    const { endpoint } = await failingOnce(410);
    await settledDeliveries(service, other.id, 1);
    expect(await endpointOf(service, endpoint.id)).toMatchObject({
      status: 'disabled',
      disabledReason: 'gone',
      active: false,
    });
    expect(
      witness.received.map(({ message }) => [message.type, message.data['endpointId'], message.data['reason']]),
    ).toEqual([['webhook_endpoint.disabled', endpoint.id, 'gone']]);
  });

  test('that has failed for five days is disabled, and goes on where it stopped when it is made active', async () => {
    const { receiver, endpoint } = await failingOnce(500);
    for (let attempt = 2; attempt <= 6; attempt += 1) {
      await letDeliveriesWait(service.database, endpoint.id, 25 * HOUR_MS);
      await waitFor(`attempt ${attempt}`, () => receiver.received.length >= attempt);
    }
    await waitFor('it is disabled', async () => (await endpointOf(service, endpoint.id)).disabledReason === 'failing');
    await story();
    receiver.react = () => ({ status: 204 });
    await manager(service).patch(`/v1/webhook-endpoints/${endpoint.id}`, { active: true });
    await letDeliveriesWait(service.database, endpoint.id, HOUR_MS);
    await settledDeliveries(service, endpoint.id, 2);
    expect(await endpointOf(service, endpoint.id)).toMatchObject({
      status: 'active',
      disabledReason: null,
      failingSince: null,
    });
  });

  test('gets past events again, in their order and with their ids, when it is replayed', async () => {
    const receiver = await startReceiver();
    const endpoint = await subscribe(service, receiver);
    const orderId = await story();
    await settledDeliveries(service, endpoint.id, EVENTS);
    const before = ofOrder(receiver.received, orderId).map(({ id }) => id);
    const after = (ofOrder(receiver.received, orderId)[0]?.message.data.seq ?? 0) - 1;
    await manager(service).post(`/v1/webhook-endpoints/${endpoint.id}/replay`, { after });
    await waitFor('all came again', () => ofOrder(receiver.received, orderId).length >= 2 * EVENTS);
    expect(ofOrder(receiver.received, orderId).map(({ id }) => id)).toEqual([...before, ...before]);
    expect(receiver.applied).toHaveLength(EVENTS);
  });

  test('shows what came of each attempt', async () => {
    const { endpoint, receiver } = await failingOnce(503);
    receiver.react = () => ({ status: 200, body: `thanks\0${'x'.repeat(100_000)}` });
    await letDeliveriesWait(service.database, endpoint.id, 10_000);
    const [delivery] = await settledDeliveries(service, endpoint.id, 1);
    expect(delivery?.attempts.map(({ statusCode, error }) => [statusCode, error])).toEqual([
      [503, null],
      [200, null],
    ]);
    expect(delivery?.attempts[1]?.response).toMatch(/^thanks\ufffdx{993}$/);
  });

  test('that is not active can be tried out, and gets nothing else', async () => {
    const receiver = await startReceiver();
    const endpoint = await subscribe(service, receiver, { active: false });
    await story();
    await manager(service).post(`/v1/webhook-endpoints/${endpoint.id}/test`);
    const [delivery] = await settledDeliveries(service, endpoint.id, 1);
    expect(delivery).toMatchObject({ type: 'webhook_endpoint.test', status: 'delivered' });
    expect(receiver.received).toHaveLength(1);
  });

  test('that cannot be reached says why', async () => {
    const receiver = await startReceiver();
    const endpoint = await subscribe(service, receiver, { types: ['dispute.opened'] });
    await receiver.close();
    await story();
    const tried = async () => (await deliveriesOf(service, endpoint.id)).find(({ attempts }) => attempts.length > 0);
    expect((await waitFor('an attempt', tried)).attempts[0]).toMatchObject({ statusCode: null, error: 'ECONNREFUSED' });
  });
});

describe('a rotation of the secret', () => {
  test('has messages signed by both secrets, and by the new one alone once the time is over', async () => {
    const receiver = await startReceiver();
    const endpoint = await subscribe(service, receiver);
    const send = async () => {
      const known = receiver.received.length;
      await manager(service).post(`/v1/webhook-endpoints/${endpoint.id}/test`);
      return await waitFor('the message', () => receiver.received[known]);
    };
    const fits = ({ body, headers }: Received, secret: string) => {
      try {
        return new Webhook(secret).verify(body, headers as Record<string, string>) !== undefined;
      } catch {
        return false;
      }
    };
    const before = await send();
    const rotated = await manager(service).post<{ secret: string; previousSecretExpiresAt: string }>(
      `/v1/webhook-endpoints/${endpoint.id}/rotate-secret`,
      { keepPreviousFor: 'PT1H' },
    );
    const { secret } = rotated.body;
    const during = await send();
    await letDeliveriesWait(service.database, endpoint.id, HOUR_MS + 1_000);
    receiver.secrets.push(secret);
    const afterwards = await send();
    const all = [before, during, afterwards];
    expect(all.map((one) => [fits(one, endpoint.secret), fits(one, secret)])).toEqual([
      [true, false],
      [true, true],
      [false, true],
    ]);
    expect(receiver.refused).toEqual([]);
  });
});

test('a receiver that never answers delays no other', async () => {
  const [hung, quick] = [await startReceiver(), await startReceiver()];
  hung.react = () => null;
  const endpoints = [await subscribe(service, hung), await subscribe(service, quick)];
  const orders = [await story(), await story()];
  await settledDeliveries(service, endpoints[1]?.id ?? '', 2 * EVENTS);
  for (const orderId of orders) expect(ofOrder(quick.received, orderId)).toHaveLength(EVENTS);
  expect((await deliveriesOf(service, endpoints[0]?.id ?? '')).some(({ finishedAt }) => finishedAt !== null)).toBe(
    false,
  );
  await manager(service).delete(`/v1/webhook-endpoints/${endpoints[0]?.id}`);
  await hung.close();
});

test('twenty orders whose deliveries hang delay no other order of their endpoint', async () => {
  const receiver = await startReceiver();
  const orders = await Promise.all(Array.from({ length: 25 }, () => seedOrder(service)));
  const [hung, others] = [orders.slice(0, 20), orders.slice(20)].map((some) => new Set(some.map(({ id }) => id)));
  let release = () => {};
  const held = new Promise<{ status: number }>((resolve) => {
    release = () => resolve({ status: 204 });
  });
  receiver.react = ({ message }) => (hung?.has(message.data.orderId ?? '') ? held : { status: 204 });
  const endpoint = await subscribe(service, receiver, { types: ['dispute.opened'] });
  const open = async (some: ReadonlySet<string> = new Set()) => {
    await Promise.all([...some].map((orderId) => seedDispute(service, 'order_update', { orderId })));
    await waitFor(
      'each of them was sent',
      () => [...some].every((orderId) => ofOrder(receiver.received, orderId).length > 0),
      PATIENCE_MS,
    );
  };
  await open(hung);
  await open(others);
  const attempts = (await deliveriesOf(service, endpoint.id)).flatMap((one) =>
    hung?.has(one.orderId ?? '') ? one.attempts : [],
  );
  // All twenty are still waiting for their first answer.
  expect(attempts).toEqual([]);
  release();
  await settledDeliveries(service, endpoint.id, orders.length);
});
