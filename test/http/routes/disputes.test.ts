import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../harness/api/answer.ts';
import { anOrderReport, CLIENT, FREELANCER, REQUESTS, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, Order, Timeline } from '../../harness/types.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const HOUR = 3_600_000;
const TYPES = ['order_update', 'cancellation', 'order_change'] as const;
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
const partiesOf = (opener: string) =>
  [CLIENT, FREELANCER].map((id) => ({ id, role: id === CLIENT ? 'client' : 'freelancer', isOpener: id === opener }));
const span = (from: string, to: string) => Date.parse(to) - Date.parse(from);

describe('a dispute that is opened', () => {
  test.each([
    ['order_update', CLIENT, REQUESTS.order_update],
    ['order_update with a comment', CLIENT, { type: 'order_update', comment: 'How is it going?' }],
    ['cancellation by the client', CLIENT, { type: 'cancellation', comment: 'Two weeks late.' }],
    ['cancellation with a reason', CLIENT, REQUESTS.cancellation],
    ['cancellation by the freelancer', FREELANCER, { type: 'cancellation', reason: 'personal_emergency' }],
    ['order_change of the date', FREELANCER, { type: 'order_change', change: { deliverBy: '2032-01-01T00:00:00Z' } }],
    ['order_change with extras', FREELANCER, { ...REQUESTS.order_change, comment: 'As we said.' }],
  ] as const)('is as asked: %s', async (_what, opener, body) => {
    const order = await seedOrder(service);
    const answer = await open(order.id, opener, body);
    const dispute = answer.body;
    const [mine, theirs] = partiesOf(opener).sort((a, b) => Number(b.isOpener) - Number(a.isOpener));
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({ location: `/v1/disputes/${dispute.id}`, etag: dispute.etag });
    expect(dispute).toMatchObject({
      ...{ orderId: order.id, type: body.type, status: 'open', version: 1, updatedAt: dispute.openedAt },
      ...{ resolution: null, resolvedBy: null, resolvedAt: null, awaiting: theirs?.role },
      opener: { id: mine?.id, role: mine?.role },
      respondent: { id: theirs?.id, role: theirs?.role },
      reason: 'reason' in body ? body.reason : null,
      comment: 'comment' in body ? body.comment : null,
      viewer: { role: mine?.role, state: 'awaiting_other_party' },
    });
    expect(dispute.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(span(dispute.openedAt, dispute.respondBy)).toBe(WINDOWS[body.type]);
    expect(await orderOf(order.id)).toMatchObject({
      ...{ status: 'in_dispute', previousStatus: 'in_progress', deliverBy: order.deliverBy, extras: [] },
      openDispute: { id: dispute.id, type: body.type, opener: dispute.opener, respondBy: dispute.respondBy },
    });
  });

  test('says what silence will do', async () => {
    const ends = await Promise.all(TYPES.map(async (type) => (await seedDispute(service, type)).onExpiry));
    expect(ends).toEqual([
      { action: 'close_dispute', orderStatus: 'previous' },
      { action: 'cancel_order', orderStatus: 'mutually_cancelled' },
      { action: 'withdraw_request', orderStatus: 'previous' },
    ]);
  });

  test('keeps its change as it was asked for', async () => {
    const { id } = await seedOrder(service);
    const extras = [
      { title: '  Source\u0020files ', price: { amount: 0, currency: 'USD' } },
      { title: 'Über-Logo \u{1f600}', price: { amount: 1_500, currency: 'USD' } },
    ];
    const change = { deliverBy: '2032-06-01T12:00:00.5+02:00', extras };
    const { body } = await open(id, FREELANCER, { type: 'order_change', change });
    expect(body.change).toEqual({
      deliverBy: '2032-06-01T10:00:00.500Z',
      extras: [
        { title: 'Source files', price: { amount: 0, currency: 'USD' } },
        { title: 'Über-Logo \u{1f600}', price: { amount: 1_500, currency: 'USD' } },
      ],
    });
    const asked = await open((await seedOrder(service)).id, FREELANCER, {
      type: 'order_change',
      change: { deliverBy: '2032-06-01T10:00:00Z' },
    });
    expect(asked.body.change).toEqual({ deliverBy: '2032-06-01T10:00:00.000Z', extras: [] });
  });

  test('keeps the window it was opened with when the configuration changes', async () => {
    const env = { WINDOW_CANCELLATION: 'PT1H' };
    const other = await startService({ database: service.database, env });
    const before = await seedDispute(service, 'cancellation');
    const after = await seedDispute(other, 'cancellation', { orderId: (await seedOrder(service)).id });
    expect(span(after.openedAt, after.respondBy)).toBe(HOUR);
    expect((await other.as(CLIENT).get<Dispute>(`/v1/disputes/${before.id}`)).body.respondBy).toBe(before.respondBy);
  });

  test.each(['pending_requirements', 'in_progress', 'late', 'in_revision', 'delivered'] as const)(
    'may be opened while the order is %s, and the order goes back to that',
    async (status) => {
      const { id: orderId } = await seedOrder(service, { status });
      const { id } = await seedDispute(service, 'cancellation', { orderId });
      expect(await orderOf(orderId)).toMatchObject({ status: 'in_dispute', previousStatus: status });
      await act(id, FREELANCER, 'decline');
      expect(await orderOf(orderId)).toMatchObject({ status, previousStatus: null, openDispute: null });
    },
  );
});

describe('an answer', () => {
  test.each([
    ['order_update', 'provide-update', 'answered', { comment: 'Half of it is done.' }],
    ['cancellation', 'accept', 'accepted', undefined],
    ['cancellation', 'decline', 'declined', {}],
    ['order_change', 'accept', 'accepted', { comment: 'Fine.' }],
    ['order_change', 'decline', 'declined', { comment: 'No.' }],
  ] as const)('to an %s: %s', async (type, action, resolution, body) => {
    const dispute = await seedDispute(service, type);
    const { id: respondent, role } = dispute.respondent;
    const answer = await act(dispute.id, respondent, action, body);
    expect(answer.status).toBe(200);
    expect(answer.headers['etag']).toBe(answer.body.etag);
    expect(answer.body).toMatchObject({
      ...{ status: 'resolved', resolution, resolvedBy: { id: respondent, role }, awaiting: null, version: 2 },
      ...{ resolvedAt: answer.body.updatedAt, comment: dispute.comment, respondBy: dispute.respondBy },
      viewer: { role, state: 'resolved', allowedActions: [], addComment: null },
    });
    const last = (await timelineOf(dispute.id, dispute.opener.id)).at(-1);
    expect(last).toMatchObject({ action: resolution, fromStatus: 'open', toStatus: 'resolved', seq: 2 });
    expect(last?.comment).toBe(body !== undefined && 'comment' in body ? body.comment : undefined);
  });

  test('that accepts a cancellation cancels the order, for good', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation', { opener: FREELANCER });
    const { body } = await act(id, CLIENT, 'accept');
    expect(await orderOf(orderId)).toMatchObject({
      ...{ status: 'mutually_cancelled', previousStatus: null, openDispute: null },
      cancellation: {
        ...{ disputeId: id, resolution: 'accepted', requestedBy: 'freelancer' },
        ...{ reason: 'unable_to_complete', cancelledAt: body.resolvedAt },
      },
    });
    expect(await open(orderId, CLIENT, REQUESTS.order_update)).toMatchObject({
      ...{ status: 409, code: 'order_not_disputable' },
      problem: { reason: 'order_cancelled' },
    });
  });

  test('that accepts a change applies it, and the next one is added to it', async () => {
    const { id: orderId } = await seedOrder(service);
    const date = '2032-06-01T10:00:00.000Z';
    for (const change of [
      { deliverBy: date },
      { extras: [{ title: 'Files', price: { amount: 5, currency: 'USD' } }] },
      REQUESTS.order_change.change,
    ]) {
      const { body } = await open(orderId, FREELANCER, { type: 'order_change', change });
      await act(body.id, CLIENT, 'accept');
    }
    const order = await orderOf(orderId);
    expect(order).toMatchObject({ status: 'in_progress', deliverBy: date });
    expect(order.extras).toEqual([
      { title: 'Files', price: { amount: 5, currency: 'USD' } },
      ...REQUESTS.order_change.change.extras,
    ]);
    await report(orderId, { status: 'late' });
    expect(await orderOf(orderId)).toMatchObject({ status: 'late', deliverBy: date, extras: order.extras });
  });

  test('that declines a change changes nothing', async () => {
    const { id, orderId } = await seedDispute(service, 'order_change');
    await act(id, CLIENT, 'decline');
    expect(await orderOf(orderId)).toMatchObject({ status: 'in_progress', extras: [] });
  });
});

describe('the opener', () => {
  test.each(TYPES)('may withdraw an %s while it is open', async (type) => {
    const { id, orderId, opener } = await seedDispute(service, type);
    const { body } = await act(id, opener.id, 'withdraw', { comment: 'Never mind.' });
    expect(body).toMatchObject({ status: 'resolved', resolution: 'withdrawn', resolvedBy: opener });
    expect(await orderOf(orderId)).toMatchObject({ status: 'in_progress', openDispute: null, cancellation: null });
    expect(await act(id, opener.id, 'withdraw')).toMatchObject({ status: 409, code: 'dispute_not_open' });
  });

  test('may open another one as soon as the first is resolved', async () => {
    const { id, orderId } = await seedDispute(service, 'order_update');
    await act(id, CLIENT, 'withdraw');
    expect((await open(orderId, CLIENT, REQUESTS.cancellation)).status).toBe(201);
  });
});

describe('a comment', () => {
  test('of either party is with the other party at once, and counts as a change of the dispute', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    for (const [index, sub] of [CLIENT, FREELANCER].entries()) {
      const { body } = await act(id, sub, 'comments', { comment: `From ${sub}.` });
      expect([body.status, body.version]).toEqual(['open', index + 2]);
    }
    for (const sub of [CLIENT, FREELANCER]) {
      const entries = await timelineOf(id, sub);
      expect(
        entries.map(({ seq, action, actor, fromStatus, toStatus, comment }) => [
          seq,
          action,
          actor.id,
          fromStatus,
          toStatus,
          comment,
        ]),
      ).toEqual([
        [1, 'opened', CLIENT, null, 'open', REQUESTS.cancellation.comment],
        [2, 'comment_added', CLIENT, 'open', 'open', `From ${CLIENT}.`],
        [3, 'comment_added', FREELANCER, 'open', 'open', `From ${FREELANCER}.`],
      ]);
    }
  });

  test('is refused once the dispute is resolved', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await act(id, FREELANCER, 'decline');
    expect(await act(id, CLIENT, 'comments', { comment: 'Why?' })).toMatchObject({
      status: 409,
      code: 'dispute_not_open',
    });
  });
});

test('both parties see the same facts of a dispute, apart from what each may do', async () => {
  const { id } = await seedDispute(service, 'cancellation');
  await act(id, FREELANCER, 'comments', { comment: 'Really?' });
  const [mine, theirs] = [await read(id, CLIENT), await read(id, FREELANCER)];
  // The entity tag is that of all that is shown, and so each has another.
  const facts = ({ viewer: _viewer, etag: _etag, serverTime: _time, ...rest }: Dispute) => rest;
  expect(facts(mine)).toEqual(facts(theirs));
  expect(mine.viewer).toMatchObject({ role: 'client', state: 'awaiting_other_party' });
  expect(mine.viewer?.allowedActions.map(({ action }) => action)).toEqual(['withdraw']);
  expect(theirs.viewer).toMatchObject({ role: 'freelancer', state: 'action_required' });
  expect(theirs.viewer?.allowedActions).toMatchObject([
    { action: 'accept', method: 'POST', href: `/v1/disputes/${id}/accept`, until: mine.respondBy },
    { action: 'decline', method: 'POST', href: `/v1/disputes/${id}/decline`, until: mine.respondBy },
  ]);
  const list = (await service.as(CLIENT).get<{ data: Dispute[] }>(`/v1/disputes?orderId=${mine.orderId}`)).body.data;
  expect(list.map(facts)).toEqual([facts(mine)]);
  const center = await service
    .as(FREELANCER)
    .get<{ openDispute: Dispute }>(`/v1/orders/${mine.orderId}/resolution-center`);
  expect(facts(center.body.openDispute)).toEqual(facts(mine));
});

test('an id is the same in capitals', async () => {
  const { id } = await seedDispute(service, 'cancellation');
  expect((await read(id.toUpperCase())).id).toBe(id);
  expect((await act(id.toUpperCase(), FREELANCER, 'accept')).body.resolution).toBe('accepted');
});
