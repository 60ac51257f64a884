import { beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { ResolutionCenter } from '../../../src/http/schemas/resolution-center.ts';
import { anOrderReport, CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, EventPage, Order, OrderReport } from '../../harness/types.ts';

type Center = z.output<typeof ResolutionCenter>;

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const report = (orderId: string, over: Partial<OrderReport>) =>
  service.withScopes('orders:write').put<Order>(`/v1/orders/${orderId}`, anOrderReport({ revision: 2, ...over }));
const eventsOf = async (orderId: string) => {
  const { body } = await service.withScopes('events:read').get<EventPage>(`/v1/events?orderId=${orderId}`);
  return body.data;
};
const dispute = (id: string, sub: string) => service.as(sub).get<Dispute>(`/v1/disputes/${id}`);
const center = async (orderId: string, sub: string) =>
  (await service.as(sub).get<Center>(`/v1/orders/${orderId}/resolution-center`)).body;

async function askFor(change: object, over: Partial<OrderReport> = {}) {
  const { id: orderId } = await seedOrder(service, over);
  const { body } = await service
    .as(FREELANCER)
    .post<Dispute>(`/v1/orders/${orderId}/disputes`, { type: 'order_change', change });
  return { orderId, id: body.id, etag: body.etag };
}

const extrasIn = (currency: string) => ({ extras: [{ title: 'Files', price: { amount: 5_000, currency } }] });

/** What both the resolution center and the dispute say of accepting. */
async function acceptIsBlocked(orderId: string, id: string, reason: string) {
  const shown = (await center(orderId, CLIENT)).respond.map(({ action, allowed, blocked }) => [
    action,
    allowed ? null : [blocked?.code, blocked?.reason],
  ]);
  expect(shown).toEqual([
    ['accept', ['change_outdated', reason]],
    ['decline', null],
    ['withdraw', ['not_opener', null]],
    ['add_comment', null],
  ]);
  const { viewer } = (await dispute(id, CLIENT)).body;
  expect(viewer?.allowedActions.map(({ action }) => action)).toEqual(['decline']);
}

describe('a change is accepted as the order is then', () => {
  test('an order that was moved from the 1st to the 20th is not moved to the 5th', async () => {
    const { orderId, id } = await askFor({ deliverBy: '2031-12-05T17:00:00Z' }, { deliverBy: '2031-12-01T17:00:00Z' });
    const before = (await dispute(id, CLIENT)).body.etag;
    await report(orderId, { deliverBy: '2031-12-20T17:00:00Z' });
    await acceptIsBlocked(orderId, id, 'date_not_later');
    const refused = await service.as(CLIENT).post(`/v1/disputes/${id}/accept`);
    expect(refused).toMatchObject({ status: 409, code: 'change_outdated', problem: { reason: 'date_not_later' } });
    const order = (await service.as(CLIENT).get<Order>(`/v1/orders/${orderId}`)).body;
    expect([order.deliverBy, order.status]).toEqual(['2031-12-20T17:00:00.000Z', 'in_dispute']);
    const stale = await service.as(CLIENT).post(`/v1/disputes/${id}/decline`, undefined, { 'if-match': before });
    expect(stale).toMatchObject({ status: 412, problem: { dispute: { order: { deliverBy: order.deliverBy } } } });
    expect((await service.as(CLIENT).post(`/v1/disputes/${id}/decline`)).status).toBe(200);
  });

  test('a date that passes while the request is open is not agreed on', async () => {
    const { orderId, id } = await askFor({ deliverBy: '2031-12-05T17:00:00Z' }, { deliverBy: null });
    expect((await center(orderId, CLIENT)).respond[0]?.until).not.toBe('2031-12-05T17:00:00.000Z');
    const date = new Date(Date.now() - 1_000).toISOString();
    await service.database.query(
      `UPDATE disputes SET change = jsonb_set(change, '{deliverBy}', to_jsonb($2::bigint)) WHERE id = $1`,
      [id, Date.parse(date)],
    );
    await acceptIsBlocked(orderId, id, 'date_passed');
    expect((await center(orderId, CLIENT)).respond[0]?.until).toBe(date);
    expect(await service.as(CLIENT).post(`/v1/disputes/${id}/accept`)).toMatchObject({
      status: 409,
      problem: { code: 'change_outdated', reason: 'date_passed' },
    });
    expect((await service.as(FREELANCER).post(`/v1/disputes/${id}/withdraw`)).status).toBe(200);
  });

  test('extras in dollars are not added to an order in yen, and keep their currency in the request', async () => {
    const { orderId, id } = await askFor(extrasIn('USD'));
    await report(orderId, { price: { amount: 20_000, currency: 'JPY' } });
    expect((await dispute(id, CLIENT)).body.change).toEqual({ deliverBy: null, ...extrasIn('USD') });
    await acceptIsBlocked(orderId, id, 'currency_changed');
    const refused = await service.as(CLIENT).post(`/v1/disputes/${id}/accept`);
    expect(refused).toMatchObject({ status: 409, code: 'change_outdated', problem: { reason: 'currency_changed' } });
    await report(orderId, { revision: 3 });
    expect((await service.as(CLIENT).post(`/v1/disputes/${id}/accept`)).status).toBe(200);
  });

  test('agreed extras keep their currency when the order is reported in another one', async () => {
    const { orderId, id } = await askFor(extrasIn('USD'));
    await service.as(CLIENT).post(`/v1/disputes/${id}/accept`);
    const { body } = await report(orderId, { price: { amount: 20_000, currency: 'JPY' } });
    expect(body).toMatchObject({ price: { currency: 'JPY' }, ...extrasIn('USD') });
  });

  test('a date reported with a fraction of a second and then without undoes no agreed extension', async () => {
    const { orderId, id } = await askFor(
      { deliverBy: '2031-12-05T17:00:00Z' },
      { deliverBy: '2031-12-01T17:00:00.123Z' },
    );
    await service.as(CLIENT).post(`/v1/disputes/${id}/accept`);
    const { body } = await report(orderId, { deliverBy: '2031-12-01T17:00:00Z' });
    expect(body.deliverBy).toBe('2031-12-05T17:00:00.000Z');
  });
});

describe('every change of an order that a reader can see is an event', () => {
  test('an order delivered behind an open cancellation, before silence cancels it', async () => {
    const { id, orderId, etag } = await seedDispute(service, 'cancellation');
    await report(orderId, { status: 'delivered' });
    const last = (await eventsOf(orderId)).at(-1);
    expect(last).toMatchObject({
      type: 'order.details_changed',
      actor: { role: 'order_service' },
      order: { status: 'in_dispute', previousStatus: 'delivered' },
      previous: { previousStatus: 'in_progress' },
    });
    const read = (await service.as(CLIENT).get<Order>(`/v1/orders/${orderId}`)).body;
    expect(read).toMatchObject({ previousStatus: 'delivered', updatedAt: last?.order.updatedAt });
    const stale = await service.as(FREELANCER).post(`/v1/disputes/${id}/accept`, undefined, { 'if-match': etag });
    expect(stale.status).toBe(412);
  });

  test('another title, another price, and another revision alone', async () => {
    const { id } = await seedOrder(service);
    await report(id, { title: 'Two logos' });
    await report(id, { revision: 3, title: 'Two logos', price: { amount: 1, currency: 'EUR' } });
    await report(id, { revision: 4, title: 'Two logos', price: { amount: 1, currency: 'EUR' } });
    const told = (await eventsOf(id)).map(({ type, previous, order }) => [type, previous, order.revision]);
    expect(told).toEqual([
      ['order.details_changed', { title: 'Logo design' }, 2],
      ['order.details_changed', { price: { amount: 15_000, currency: 'USD' } }, 3],
      ['order.details_changed', { revision: 3 }, 4],
    ]);
    const { etag } = (await service.as(CLIENT).get<Order>(`/v1/orders/${id}`)).body;
    expect(etag.startsWith((await eventsOf(id)).at(-1)?.order.etag.slice(0, -1) ?? 'none')).toBe(true);
  });

  test('an order service may take back a completion; a superseded dispute stays superseded', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    await report(orderId, { status: 'completed' });
    const { body } = await report(orderId, { status: 'in_revision', revision: 3 });
    expect(body).toMatchObject({ status: 'in_revision', openDispute: null });
    expect((await dispute(id, CLIENT)).body).toMatchObject({ status: 'resolved', resolution: 'superseded' });
    expect((await eventsOf(orderId)).at(-1)).toMatchObject({
      type: 'order.status_changed',
      previous: { status: 'completed' },
    });
    expect((await seedDispute(service, 'cancellation', { orderId })).status).toBe('open');
  });
});
