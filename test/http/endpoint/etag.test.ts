import { beforeAll, describe, expect, test } from 'vitest';
import type { Problem } from '../../harness/api/answer.ts';
import { anOrderReport, CLIENT, FREELANCER, REQUESTS, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, EventPage, Order } from '../../harness/types.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const SAYS = { comment: 'So be it.' };
const ACTIONS = [
  ['order_update', FREELANCER, 'provide-update'],
  ['cancellation', FREELANCER, 'accept'],
  ['cancellation', FREELANCER, 'decline'],
  ['order_change', CLIENT, 'accept'],
  ['order_change', CLIENT, 'decline'],
  ['cancellation', CLIENT, 'withdraw'],
  ['cancellation', CLIENT, 'comments'],
  ['cancellation', FREELANCER, 'comments'],
] as const;

const read = async <T = Dispute>(path: string, sub = CLIENT) => {
  const { headers, body } = await service.as(sub).get<T & { etag: string }>(path);
  expect(headers['etag']).toBe(body.etag);
  return body;
};
const readDispute = (id: string, sub?: string) => read<Dispute>(`/v1/disputes/${id}`, sub);
const report = (id: string, over: object, headers = {}) =>
  service.withScopes('orders:write').put<Order>(`/v1/orders/${id}`, anOrderReport({ revision: 2, ...over }), headers);
const comment = (id: string, sub = CLIENT) => service.as(sub).post<Dispute>(`/v1/disputes/${id}/comments`, SAYS);

describe('every POST to a dispute takes If-Match', () => {
  test.each(ACTIONS)('%s, %s: %s', async (type, sub, action) => {
    const { id, etag: old } = await seedDispute(service, type);
    const path = `/v1/disputes/${id}/${action}`;
    await comment(id);
    const refused = await service.as(sub).post(path, SAYS, { 'if-match': old });
    expect(refused).toMatchObject({ status: 412, code: 'version_mismatch' });
    const { comment: _, serverTime: __, ...current } = await readDispute(id, sub);
    expect(refused.problem.dispute).toMatchObject(current);
    const tag = refused.problem.dispute?.etag ?? '';
    const answer = await service.as(sub).post<Dispute>(path, SAYS, { 'if-match': tag });
    expect([answer.status, answer.body.version]).toEqual([200, 3]);
    expect(answer.headers['etag']).toBe((await readDispute(id, sub)).etag);
  });
});

describe('what is sent to an order takes If-Match', () => {
  test('opening a dispute', async () => {
    const order = await seedOrder(service);
    await report(order.id, { status: 'late' });
    const open = (tag: string) =>
      service.as(CLIENT).post<Dispute>(`/v1/orders/${order.id}/disputes`, REQUESTS.order_update, { 'if-match': tag });
    const refused = await open(order.etag);
    expect(refused).toMatchObject({ status: 412, code: 'version_mismatch' });
    const { serverTime: _, ...current } = await read<Order>(`/v1/orders/${order.id}`);
    expect(refused.problem.order).toMatchObject(current);
    const center = await read<{ order: Order }>(`/v1/orders/${order.id}/resolution-center`);
    expect(center.order.etag).toBe(current.etag);
    expect((await open(center.order.etag)).status).toBe(201);
  });

  test('a report, of which a repetition is none', async () => {
    const { id, etag } = await seedOrder(service);
    const late = await report(id, { status: 'late' }, { 'if-match': etag });
    expect([late.status, late.headers['etag']]).toEqual([200, late.body.etag]);
    expect((await report(id, { status: 'late' }, { 'if-match': etag })).body.etag).toBe(late.body.etag);
    const refused = await report(id, { status: 'in_progress', revision: 3 }, { 'if-match': etag });
    expect(refused).toMatchObject({ status: 412, problem: { order: { id, status: 'late', etag: late.body.etag } } });
  });

  test('a report with the tag from before a look, a notice and a comment', async () => {
    const { id: disputeId, orderId } = await seedDispute(service, 'cancellation');
    const { etag } = await read<Order>(`/v1/orders/${orderId}`);
    await service.as(FREELANCER).post(`/v1/disputes/${disputeId}/seen`);
    const notice = { role: 'client', channel: 'email', deliveredAt: new Date().toISOString() };
    await service.withScopes('notices:write').post(`/v1/disputes/${disputeId}/notices`, notice);
    await comment(disputeId);
    expect((await read<Order>(`/v1/orders/${orderId}`)).etag).not.toBe(etag);
    expect((await report(orderId, { status: 'late' }, { 'if-match': etag })).status).toBe(200);
  });

  test('a report and an opening, refused with a tag from before a dispute that was opened and withdrawn', async () => {
    const order = await seedOrder(service);
    const { id } = await seedDispute(service, 'cancellation', { orderId: order.id });
    await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
    const old = { 'if-match': order.etag };
    expect((await report(order.id, { status: 'late' }, old)).status).toBe(412);
    const opened = await service.as(CLIENT).post(`/v1/orders/${order.id}/disputes`, REQUESTS.order_update, old);
    expect(opened.status).toBe(412);
  });

  test('a first report, which no tag fits', async () => {
    for (const tag of ['"any"', '*']) {
      const refused = await report('order-unknown', {}, { 'if-match': tag });
      expect(refused.status).toBe(412);
      expect(refused.problem.order).toBeUndefined();
    }
    expect((await service.withScopes('disputes:read').get('/v1/orders/order-unknown')).status).toBe(404);
  });
});

describe('If-None-Match on a report', () => {
  const any = { 'if-none-match': '*' };

  test('lets * write only an order that is new, and neither a change nor a repetition of one that is known', async () => {
    const first = await report('order-if-new', {}, any);
    expect(first.status).toBe(201);
    for (const over of [{}, { revision: 3, status: 'late' }]) {
      const refused = await report('order-if-new', over, any);
      expect(refused).toMatchObject({
        status: 412,
        code: 'version_mismatch',
        problem: { order: { status: 'in_progress' } },
      });
    }
    expect((await read<Order>('/v1/orders/order-if-new')).etag).toBe(first.body.etag);
  });

  test('says in a dry run what the report would come to', async () => {
    const { id } = await seedOrder(service);
    expect((await report(`${id}?dryRun=true`, { status: 'late' }, any)).status).toBe(412);
    expect((await report('order-never-reported?dryRun=true', {}, any)).status).toBe(201);
  });

  test('takes tags as states that the order must not be in, and refuses what is no tag', async () => {
    const { id, etag } = await seedOrder(service);
    const late = (tag: string) => report(id, { status: 'late' }, { 'if-none-match': tag });
    expect((await late(`W/${etag}`)).status).toBe(412);
    expect((await late('late')).problem.errors).toMatchObject([{ pointer: '/header/if-none-match' }]);
    expect((await late('"another"')).status).toBe(200);
  });
});

describe('If-Match', () => {
  const post = async (headerOf: (tag: string) => string) => {
    const { id, etag } = await seedDispute(service, 'cancellation');
    return await service.as(FREELANCER).post(`/v1/disputes/${id}/accept`, SAYS, { 'if-match': headerOf(etag) });
  };

  test.each<[string, (tag: string) => string]>([
    ['the tag', (tag) => tag],
    ['any', () => '*'],
    ['one of a list', (tag) => `"x", ${tag}`],
    ['a tag of nginx', (tag) => `W/${tag}`],
    ['a tag of Apache', (tag) => tag.replace(/"$/, '-gzip"')],
  ])('holds for %s', async (_what, headerOf) => {
    expect((await post(headerOf)).status).toBe(200);
  });

  test.each(['"2"', 'W/"1"', '""', '"x", "y"'])('does not hold for %j', async (header) => {
    expect((await post(() => header)).status).toBe(412);
  });

  test.each(['1', '', '"1', 'W/*', '*, "1"'])('is refused where it is no entity tag: %j', async (header) => {
    const { status, problem } = await post(() => header);
    expect([status, problem.code]).toEqual([400, 'validation_failed']);
    expect(problem.errors?.map(({ pointer }: NonNullable<Problem['errors']>[number]) => pointer)).toEqual([
      '/header/if-match',
    ]);
  });

  test('holds once of two who read the same version', async () => {
    const { id, etag } = await seedDispute(service, 'cancellation');
    const say = (sub: string) => service.as(sub).post(`/v1/disputes/${id}/comments`, SAYS, { 'if-match': etag });
    const statuses = (await Promise.all([say(CLIENT), say(FREELANCER)])).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 412]);
  });

  test('no longer holds once the order is another, though nothing happened to the dispute', async () => {
    const { id, orderId, etag } = await seedDispute(service, 'cancellation');
    await report(orderId, { price: { amount: 99, currency: 'USD' } });
    const refused = await service.as(FREELANCER).post(`/v1/disputes/${id}/accept`, SAYS, { 'if-match': etag });
    expect(refused).toMatchObject({
      status: 412,
      problem: { dispute: { version: 1, order: { price: { amount: 99 } } } },
    });
  });
});

describe('the tag', () => {
  const newest = async (orderId: string) => {
    const { data } = (await service.withScopes('events:read').get<EventPage>(`/v1/events?orderId=${orderId}`)).body;
    return { dispute: data.findLast(({ dispute }) => dispute !== undefined)?.dispute, order: data.at(-1)?.order };
  };
  const list = async (path: string) => (await service.as(CLIENT).get<{ data: Dispute[] }>(path)).body.data[0]?.etag;
  const withExtras = { ...REQUESTS.order_change.change, deliverBy: '2035-01-01T00:00:00Z' };
  const stateOf = (tag: string | undefined) => tag?.replace(/\..*"$/, '"');

  test.each(['order_update', 'cancellation', 'order_change'] as const)(
    'stands in every body that holds the dispute or its order, and If-Match takes it from there: %s',
    async (type) => {
      const { id: orderId } = await seedOrder(service);
      const [sub, other] = type === 'order_change' ? [FREELANCER, CLIENT] : [CLIENT, FREELANCER];
      const body = type === 'order_change' ? { type, change: withExtras } : REQUESTS[type];
      const opened = await service.as(sub).post<Dispute>(`/v1/orders/${orderId}/disputes`, body);
      const { id, etag } = opened.body;
      expect(etag).toBe((await readDispute(id, sub)).etag);
      const seen = (await readDispute(id, CLIENT)).etag;
      const lists = await Promise.all([`/v1/disputes?orderId=${orderId}`, `/v1/orders/${orderId}/disputes`].map(list));
      const center = await read<{ openDispute: Dispute; order: Order }>(`/v1/orders/${orderId}/resolution-center`);
      expect([...lists, center.openDispute.etag]).toEqual([seen, seen, seen]);
      const event = await newest(orderId);
      expect(event.dispute?.etag).toBe(stateOf(etag));
      expect(event.order?.etag).toBe(stateOf(center.order.etag));
      const action = type === 'order_update' ? 'provide-update' : 'accept';
      const tag = event.dispute?.etag ?? '';
      const done = await service.as(other).post<Dispute>(`/v1/disputes/${id}/${action}`, SAYS, { 'if-match': tag });
      expect(done.body.etag).toBe((await readDispute(id, other)).etag);
      expect((await newest(orderId)).dispute?.etag).toBe(stateOf(done.body.etag));
      expect((await newest(orderId)).order?.etag).toBe(stateOf((await read<Order>(`/v1/orders/${orderId}`)).etag));
    },
  );

  test('is another for each who sees something else, and stays while nothing happens', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const tags = [await readDispute(id), await readDispute(id, FREELANCER)].map(({ etag }) => etag);
    tags.push((await service.withScopes('disputes:read').get<Dispute>(`/v1/disputes/${id}`)).body.etag);
    expect(new Set(tags).size).toBe(3);
    expect((await readDispute(id)).etag).toBe(tags[0]);
  });

  test('names the dispute that stands in the way of another', async () => {
    const { orderId, etag } = await seedDispute(service, 'cancellation');
    const refused = await service.as(CLIENT).post(`/v1/orders/${orderId}/disputes`, REQUESTS.order_update);
    expect(refused.problem.openDispute?.etag).toBe(etag);
  });
});
