import { beforeAll, describe, expect, test } from 'vitest';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { anOrderReport, CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import {
  type AdvancedTestClock,
  advance,
  makeClock,
  orderOnClock,
  SANDBOX,
  type TestClockDetails,
  tester,
} from '../../harness/test-clocks.ts';
import type { Dispute, EventPage, Timeline } from '../../harness/types.ts';
import { subscribe } from '../../webhooks/endpoints.ts';
import { startReceiver } from '../../webhooks/receiver.ts';

const HOUR_MS = 3_600_000;
const LONG_AGO = '2021-03-01T12:00:00.000Z';
const NO_CLOCK = '01a2214f-0000-7000-8000-000000000000';
/** How many hours before the deadline both parties are reminded. */
const REMINDERS = [24, 2];

let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess({ env: { ...SANDBOX, WEBHOOK_ALLOW_INSECURE: 'true', REMINDERS: 'PT24H,PT2H' } });
});

const sorted = (texts: readonly string[]) => texts.toSorted((a, b) => a.localeCompare(b));
const later = (instant: string, hours: number) => new Date(Date.parse(instant) + hours * HOUR_MS).toISOString();
const read = async (id: string) => (await service.withScopes('disputes:read').get<Dispute>(`/v1/disputes/${id}`)).body;

/** What time does to a dispute whose window is so many hours, by type and hours from the beginning. */
const pastOf = (window: number) => [
  ...REMINDERS.map((hours) => ['dispute.reminder_due', window - hours]),
  ['dispute.expired', window],
];

describe('seven days in one call', () => {
  const disputes: Dispute[] = [];
  let advanced: AdvancedTestClock;
  let received: string[];

  beforeAll(async () => {
    const receiver = await startReceiver();
    const clock = await makeClock(service, LONG_AGO);
    for (const type of ['cancellation', 'order_change', 'order_update'] as const) {
      const { id: orderId } = await orderOnClock(service, clock);
      disputes.push(await seedDispute(service, type, { orderId }));
    }
    await subscribe(service, receiver);
    advanced = await advance(service, clock, 'P7D');
    // What had happened before may be numbered behind the position at which the endpoint began.
    const messages = receiver.received.map(({ message }) => message).filter(({ timestamp }) => timestamp > LONG_AGO);
    received = messages.map(({ type, timestamp }) => `${timestamp} ${type}`);
  });

  test('end each dispute at exactly its deadline, with the effect that silence has', async () => {
    for (const { id, openedAt, respondBy } of disputes) {
      expect(openedAt).toBe(LONG_AGO);
      expect(await read(id)).toMatchObject({
        resolution: 'expired',
        resolvedAt: respondBy,
        updatedAt: respondBy,
        serverTime: later(LONG_AGO, 7 * 24),
      });
    }
    const order = await service.as(CLIENT).get(`/v1/orders/${disputes[0]?.orderId}`);
    expect(order.body).toMatchObject({
      status: 'mutually_cancelled',
      cancellation: { cancelledAt: later(LONG_AGO, 48) },
    });
  });

  test('remind before each deadline, on the clock', async () => {
    for (const [index, window] of [48, 96, 48].entries()) {
      const { id } = disputes[index] ?? { id: '' };
      const { body } = await service.as(CLIENT).get<Timeline>(`/v1/disputes/${id}/timeline`);
      const past = body.data.map(({ action, at }) => [
        `dispute.${action}`,
        (Date.parse(at) - Date.parse(LONG_AGO)) / HOUR_MS,
      ]);
      expect(past).toEqual([['dispute.opened', 0], ...pastOf(window)]);
    }
  });

  test('answer with what happened, in the order of the instants', async () => {
    const told = advanced.transitions.map(({ type, at }) => [type, (Date.parse(at) - Date.parse(LONG_AGO)) / HOUR_MS]);
    expect(advanced).toMatchObject({ status: 'ready', now: later(LONG_AGO, 7 * 24), transitionCount: told.length });
    const hours = told.map(([, hour]) => Number(hour));
    expect(hours).toEqual(hours.toSorted((a, b) => a - b));
    const ends = disputes.map(() => 'order.status_changed');
    const wanted = [48, 96, 48].flatMap((window) => pastOf(window).map(([type]) => String(type)));
    const types = told.map(([type]) => String(type));
    expect(sorted(types)).toEqual(sorted([...wanted, ...ends]));
  });

  test('put the events into the feed, in order and by the clock', async () => {
    const { body } = await service.withScopes('events:read').get<EventPage>('/v1/events?limit=500');
    const some = body.data.filter(({ orderId }) => disputes.some((dispute) => dispute.orderId === orderId));
    const byTime = some.slice(-advanced.transitionCount);
    expect(byTime.map(({ type, occurredAt }) => ({ type, at: occurredAt }))).toEqual(
      advanced.transitions.map(({ type, at }) => ({ type, at })),
    );
  });

  test('send the webhooks before the answer says that they have arrived', () => {
    expect(advanced.webhooks).toEqual({ delivered: advanced.transitionCount, failed: 0, pending: 0 });
    const told = advanced.transitions.map(({ type, at }) => `${at} ${type}`);
    expect(sorted(received)).toEqual(sorted(told));
  });
});

describe('an order on a test clock', () => {
  test('has the time of its clock until the last moment of an answer', async () => {
    const clock = await makeClock(service, LONG_AGO);
    const { id: orderId } = await orderOnClock(service, clock);
    const { id } = await seedDispute(service, 'cancellation', { orderId });
    await advance(service, clock, 'PT47H59M59.999S');
    const answered = await service.as(FREELANCER).post<Dispute>(`/v1/disputes/${id}/decline`);
    expect(answered.body).toMatchObject({ resolution: 'declined', resolvedAt: '2021-03-03T11:59:59.999Z' });
  });

  test('refuses an answer from the deadline on', async () => {
    const clock = await makeClock(service, LONG_AGO);
    const { id: orderId } = await orderOnClock(service, clock);
    const { id } = await seedDispute(service, 'cancellation', { orderId });
    await advance(service, clock, 'PT48H');
    const late = await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`);
    expect(late).toMatchObject({ status: 409, problem: { code: 'response_window_closed' } });
  });

  test('is in the lists of its parties, by its time', async () => {
    const clock = await makeClock(service, LONG_AGO);
    const { id: orderId } = await orderOnClock(service, clock);
    const { id } = await seedDispute(service, 'order_update', { orderId });
    const list = async (query: string) =>
      (await service.as(CLIENT).get<{ data: Dispute[] }>(`/v1/disputes?orderId=${orderId}&${query}`)).body.data;
    await expect(list('status=open')).resolves.toMatchObject([{ id, serverTime: LONG_AGO }]);
    await expect(list('sort=updatedAt')).resolves.toEqual([]);
    await expect(list(`updatedAfter=${LONG_AGO}&testClockId=${clock.id}`)).resolves.toMatchObject([{ id }]);
  });

  test('is put there before its first dispute, and stays', async () => {
    const [clock, other] = [await makeClock(service, LONG_AGO), await makeClock(service)];
    const orders = service.withScopes('orders:write');
    const order = await seedOrder(service);
    const path = `/v1/orders/${order.id}`;
    const { clientId, freelancerId, deliverBy, price, title } = order;
    const report = { clientId, freelancerId, deliverBy, price, title, status: 'in_progress' };
    const moved = await orders.put(path, { ...report, revision: 2, testClockId: clock.id });
    expect(moved.body).toMatchObject({ testClockId: clock.id, updatedAt: LONG_AGO });
    await seedDispute(service, 'order_update', { orderId: order.id });
    const refused = await orders.put(path, { ...report, revision: 3, testClockId: other.id });
    expect(refused).toMatchObject({ status: 409, problem: { code: 'order_has_disputes' } });
    const dry = await orders.put(`${path}?dryRun=true`, { ...report, revision: 3, testClockId: other.id });
    expect(dry).toMatchObject({ status: 409, problem: { code: 'order_has_disputes' } });
    const kept = await orders.put(path, { ...report, status: 'late', revision: 3 });
    expect(kept.body).toMatchObject({ testClockId: clock.id });
  });

  test('is shown by a dry run as it would be, in the time of the clock', async () => {
    const clock = await makeClock(service, LONG_AGO);
    const report = anOrderReport({ testClockId: clock.id });
    const dry = await service.withScopes('orders:write').put('/v1/orders/order-dry?dryRun=true', report);
    expect(dry).toMatchObject({
      status: 201,
      body: { dryRun: true, order: { testClockId: clock.id, createdAt: LONG_AGO, serverTime: LONG_AGO } },
    });
    expect((await service.as(CLIENT).get('/v1/orders/order-dry')).code).toBe('not_found');
  });

  test('has its events in order also where it comes from a later time', async () => {
    const clock = await makeClock(service, LONG_AGO);
    const orders = service.withScopes('orders:write');
    const { id } = await seedOrder(service);
    const path = `/v1/orders/${id}`;
    await orders.put(path, anOrderReport({ status: 'late', revision: 2 }));
    await orders.put(path, anOrderReport({ status: 'late', revision: 3, testClockId: clock.id }));
    const { body } = await service.withScopes('events:read').get<EventPage>(`/v1/events?orderId=${id}`);
    expect(body.data.map(({ orderVersion }) => orderVersion)).toEqual([1, 2]);
    expect(body.data[1]?.occurredAt).toBe(LONG_AGO);
  });

  test('is bound by limits that the time of its clock lifts', async () => {
    const clock = await makeClock(service, LONG_AGO);
    const { id: orderId } = await orderOnClock(service, clock);
    const open = () => service.as(CLIENT).post<Dispute>(`/v1/orders/${orderId}/disputes`, { type: 'order_update' });
    for (let count = 0; count < 10; count += 1) {
      const { id } = (await open()).body;
      await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
    }
    const refused = await open();
    expect(refused).toMatchObject({ code: 'dispute_limit_reached', problem: { availableAt: later(LONG_AGO, 24) } });
    await advance(service, clock, 'PT24H');
    expect((await open()).body.openedAt).toBe(later(LONG_AGO, 24));
  });

  test('is not counted in the statistics', async () => {
    const { id: orderId } = await orderOnClock(service, await makeClock(service, LONG_AGO));
    await seedDispute(service, 'order_update', { orderId });
    const { body } = await service.withScopes('disputes:read').get('/v1/stats?from=2021-01-01&to=2021-12-31');
    expect(body).toMatchObject({ total: { opened: 0, expired: 0 } });
  });

  test('cannot be put on a clock that does not exist', async () => {
    const orders = service.withScopes('orders:write');
    const { id: orderId, ...order } = await seedOrder(service);
    const { clientId, freelancerId, deliverBy, price } = order;
    const body = { clientId, freelancerId, deliverBy, price, status: 'late', revision: 2, testClockId: NO_CLOCK };
    const refused = await orders.put(`/v1/orders/${orderId}`, body);
    expect(refused).toMatchObject({ status: 400, problem: { errors: [{ pointer: '/testClockId', code: 'unknown' }] } });
  });
});

describe('a test clock', () => {
  test.each([
    [{ to: '2021-02-28T00:00:00Z' }, '/to', 'too_small'],
    [{ to: '2021-06-01T00:00:00Z' }, '/to', 'too_big'],
    [{ by: 'P91D' }, '/by', 'too_big'],
    [{ by: 'P99999999999999999999999999999999999999D' }, '/by', 'too_big'],
    [{ by: 'PT1H', to: '2021-03-02T00:00:00Z' }, '/to', 'unknown'],
    [{}, '/by', 'required'],
  ])('goes forward only, and 90 days at most: %j is refused', async (body, pointer, code) => {
    const clock = await makeClock(service, LONG_AGO);
    const refused = await tester(service).post(`/v1/test-clocks/${clock.id}/advance`, body);
    expect(refused).toMatchObject({ status: 400, problem: { errors: [{ pointer, code }] } });
  });

  test.each([{ by: 'PT0S' }, { to: LONG_AGO }])('stays where it is, where it is to go no further: %j', async (body) => {
    const clock = await makeClock(service, LONG_AGO);
    const { status, body: after } = await tester(service).post(`/v1/test-clocks/${clock.id}/advance`, body);
    expect([status, after]).toMatchObject([200, { status: 'ready', now: clock.now, transitions: [] }]);
  });

  test('names the instant to the millisecond from which it goes on', async () => {
    const clock = await makeClock(service, '2021-03-01T00:00:00.001Z');
    const refused = await tester(service).post(`/v1/test-clocks/${clock.id}/advance`, { to: '2021-03-01T00:00:00Z' });
    expect(refused.problem?.errors).toMatchObject([
      { code: 'too_small', message: 'Choose 2021-03-01T00:00:00.001Z or later.' },
    ]);
  });

  test('begins as long ago as an instant can be, and its deadlines take effect', async () => {
    const clock = await makeClock(service, '1970-01-01T00:00:00Z');
    const { id: orderId } = await orderOnClock(service, clock);
    const { id } = await seedDispute(service, 'cancellation', { orderId });
    const { now } = await advance(service, clock, 'PT48H');
    expect([now, (await read(id)).resolvedAt]).toEqual(['1970-01-03T00:00:00.000Z', '1970-01-03T00:00:00.000Z']);
  });

  test('has no time in which a deadline would lie after the year 9999', async () => {
    const tooLate = await tester(service).post('/v1/test-clocks', { now: '9999-01-01T00:00:00Z' });
    expect(tooLate).toMatchObject({ status: 400, problem: { errors: [{ pointer: '/now', code: 'too_big' }] } });
    const clock = await makeClock(service, '9998-12-31T23:59:59Z');
    const { id: orderId } = await orderOnClock(service, clock);
    const { respondBy } = await seedDispute(service, 'order_update', { orderId });
    expect(respondBy).toBe('9999-01-02T23:59:59.000Z');
    const refused = await tester(service).post(`/v1/test-clocks/${clock.id}/advance`, { by: 'PT1S' });
    expect(refused).toMatchObject({ status: 400, problem: { errors: [{ pointer: '/by', code: 'too_big' }] } });
  });

  test('brings nothing about again for a request that is sent again', async () => {
    const clock = await makeClock(service, LONG_AGO);
    const { id: orderId } = await orderOnClock(service, clock);
    await seedDispute(service, 'order_update', { orderId });
    const path = `/v1/test-clocks/${clock.id}/advance`;
    const key = { 'idempotency-key': clock.id };
    const first = await tester(service).post<AdvancedTestClock>(path, { by: 'P3D' }, key);
    const replayed = await tester(service).post(`${path}?wait=3`, { by: 'P3D' }, key);
    expect(replayed).toMatchObject({ status: 200, body: first.body });
    await service.database.query('DELETE FROM idempotency_keys'); // the process died before it kept its answer
    const again = await tester(service).post(`${path}?wait=20`, { by: 'P3D' }, key);
    expect(again).toMatchObject({ status: 200, body: first.body });
    const to = await tester(service).post(path, { to: first.body.to });
    expect(to.body).toEqual(first.body);
  });

  test('says what its last advance brought about', async () => {
    const clock = await makeClock(service, LONG_AGO);
    const { id: orderId } = await orderOnClock(service, clock);
    await seedDispute(service, 'order_update', { orderId });
    const advanced = await advance(service, clock, 'P3D');
    const { body } = await tester(service).get<TestClockDetails>(`/v1/test-clocks/${clock.id}`);
    const { from, to, transitions, transitionCount } = advanced;
    expect(body).toMatchObject({ now: to, orderCount: 1, lastAdvance: { from, to, transitions, transitionCount } });
  });
});
