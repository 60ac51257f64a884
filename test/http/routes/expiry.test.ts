import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../harness/api/answer.ts';
import { letTimePass } from '../../harness/database.ts';
import { anOrderReport, CLIENT, FREELANCER, REQUESTS, seedDispute } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, Order, Timeline } from '../../harness/types.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const HOUR = 3_600_000;
const WINDOWS = { order_update: 48 * HOUR, cancellation: 48 * HOUR, order_change: 96 * HOUR };

const open = (orderId: string, sub: string, body: object): Promise<Answer<Dispute>> =>
  service.as(sub).post<Dispute>(`/v1/orders/${orderId}/disputes`, body);
const act = (id: string, sub: string, action: string, body?: object): Promise<Answer<Dispute>> =>
  service.as(sub).post<Dispute>(`/v1/disputes/${id}/${action}`, body);
const read = async (id: string, sub = CLIENT) => (await service.as(sub).get<Dispute>(`/v1/disputes/${id}`)).body;
const orderOf = async (id: string, sub = CLIENT) => (await service.as(sub).get<Order>(`/v1/orders/${id}`)).body;
const timelineOf = async (id: string, sub = CLIENT) =>
  (await service.as(sub).get<Timeline>(`/v1/disputes/${id}/timeline`)).body.data;
const report = (orderId: string, over: object) =>
  service.withScopes('orders:write').put<Order>(`/v1/orders/${orderId}`, anOrderReport({ revision: 2, ...over }));
const span = (from: string, to: string) => Date.parse(to) - Date.parse(from);

describe('silence', () => {
  test.each([
    ['order_update', CLIENT, 'in_progress', 'close_dispute'],
    ['cancellation', CLIENT, 'mutually_cancelled', 'cancel_order'],
    ['cancellation', FREELANCER, 'mutually_cancelled', 'cancel_order'],
    ['order_change', FREELANCER, 'in_progress', 'withdraw_request'],
  ] as const)('on an %s by %s leaves the order %s', async (type, opener, status, action) => {
    const { id, orderId, respondBy } = await seedDispute(service, type, { opener });
    await letTimePass(service.database, id, WINDOWS[type]);
    const late = new Date(Date.parse(respondBy) - WINDOWS[type]).toISOString();
    const order = await orderOf(orderId);
    expect(order).toMatchObject({ status, previousStatus: null, openDispute: null, extras: [] });
    expect(order.cancellation).toEqual(
      status === 'mutually_cancelled' ? expect.objectContaining({ disputeId: id, resolution: 'expired' }) : null,
    );
    expect(await read(id)).toMatchObject({
      ...{ status: 'resolved', resolution: 'expired', resolvedBy: { role: 'system' }, awaiting: null },
      ...{ respondBy: late, onExpiry: { action }, viewer: { state: 'resolved', allowedActions: [] } },
    });
    expect((await timelineOf(id)).at(-1)).toMatchObject({
      ...{ action: 'expired', actor: { role: 'system' }, cause: 'deadline', toStatus: 'resolved' },
    });
  });

  test.each([
    ['cancellation', FREELANCER, 'accept'],
    ['cancellation', FREELANCER, 'decline'],
    ['cancellation', CLIENT, 'withdraw'],
    ['order_update', FREELANCER, 'provide-update'],
    ['cancellation', CLIENT, 'comments'],
  ] as const)('comes before the answer: %s, %s, %s', async (type, sub, action) => {
    const { id, respondBy } = await seedDispute(service, type);
    await letTimePass(service.database, id, WINDOWS[type]);
    const refused = await act(id, sub, action, { comment: 'Sorry, late.' });
    expect(refused).toMatchObject({ status: 409, code: 'response_window_closed' });
    const { problem } = refused;
    expect(span(problem.respondBy ?? '', respondBy)).toBe(WINDOWS[type]);
    expect(Date.parse(problem.decidedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(problem.respondBy ?? ''));
    expect(await read(id)).toMatchObject({ status: 'resolved', resolution: 'expired' });
    expect(await act(id, sub, action, { comment: 'Still.' })).toMatchObject({ code: 'response_window_closed' });
    expect(JSON.stringify(await timelineOf(id))).not.toContain('Sorry');
  });

  test('makes room for the next dispute, without a read before', async () => {
    const { id, orderId } = await seedDispute(service, 'order_update');
    await letTimePass(service.database, id, 48 * HOUR);
    const next = await open(orderId, CLIENT, REQUESTS.cancellation);
    expect(next.status).toBe(201);
    expect(await read(id)).toMatchObject({ resolution: 'expired' });
  });

  test('that cancelled the order keeps the next dispute from being opened', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    await letTimePass(service.database, id, 48 * HOUR);
    expect(await open(orderId, CLIENT, REQUESTS.order_update)).toMatchObject({ code: 'order_not_disputable' });
  });

  test('has no effect yet a moment before the deadline', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await letTimePass(service.database, id, 48 * HOUR - 60_000);
    expect((await act(id, FREELANCER, 'accept')).body.resolution).toBe('accepted');
  });
});

describe('what the order service reports meanwhile', () => {
  test.each([
    ['completed', /contact customer support/i],
    ['cancelled', /cancelled/],
  ] as const)('ends a dispute where it is %s', async (status, detail) => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    expect((await report(orderId, { status })).body).toMatchObject({ status, openDispute: null, cancellation: null });
    expect(await read(id)).toMatchObject({ resolution: 'superseded', resolvedBy: { role: 'order_service' } });
    expect(await act(id, FREELANCER, 'accept')).toMatchObject({ status: 409, code: 'dispute_not_open' });
    const timers = await service.database.query('SELECT 1 FROM timers WHERE dispute_id = $1 AND due_at IS NOT NULL', [
      id,
    ]);
    expect(timers).toEqual([]);
    expect(await open(orderId, CLIENT, REQUESTS.cancellation)).toMatchObject({
      ...{ status: 409, code: 'order_not_disputable' },
      problem: { reason: `order_${status}`, detail: expect.stringMatching(detail) },
    });
  });

  test('answers an order_update where it is delivered, and is where other orders go back to', async () => {
    const update = await seedDispute(service, 'order_update');
    await report(update.orderId, { status: 'delivered' });
    expect(await read(update.id)).toMatchObject({ resolution: 'answered', resolvedBy: { role: 'order_service' } });
    expect(await orderOf(update.orderId)).toMatchObject({ status: 'delivered' });
    const other = await seedDispute(service, 'cancellation');
    await report(other.orderId, { status: 'delivered' });
    expect(await orderOf(other.orderId)).toMatchObject({ status: 'in_dispute', previousStatus: 'delivered' });
    await act(other.id, CLIENT, 'withdraw');
    expect(await orderOf(other.orderId)).toMatchObject({ status: 'delivered', previousStatus: null });
  });
});
