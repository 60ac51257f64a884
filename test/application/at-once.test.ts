import { beforeAll, describe, expect, test } from 'vitest';
import { CLIENT, FREELANCER, REQUESTS, seedDispute, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const all = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

describe('fifty identical requests with one key at once', () => {
  test('have one effect and one answer, byte by byte, or hear that the first still runs', async () => {
    const { id: orderId } = await seedOrder(service);
    const answers = await all(50, () =>
      service
        .as(CLIENT)
        .post<Dispute>(`/v1/orders/${orderId}/disputes`, REQUESTS.cancellation, { 'idempotency-key': 'k' }),
    );
    const opened = answers.filter(({ status }) => status === 201);
    const waiting = answers.filter(({ status }) => status !== 201);
    expect(opened.length).toBeGreaterThan(0);
    expect(new Set(opened.map(({ text }) => text)).size).toBe(1);
    expect(opened.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(new Set(waiting.map(({ code }) => code))).toEqual(
      new Set(waiting.length > 0 ? ['idempotency_key_in_use'] : []),
    );
    const rows = await service.database.query('SELECT type FROM log_entries WHERE order_id = $1 ORDER BY 1', [orderId]);
    expect(rows).toEqual([{ type: 'dispute.opened' }, { type: 'order.status_changed' }]);
  });
});

describe('twelve different openings of one order at once', () => {
  test('open one dispute; the eleven others are told which one is open, and what they may do about it', async () => {
    const { id: orderId } = await seedOrder(service);
    const answers = await all(12, (n) => {
      const mine = n % 2 === 0;
      const body = mine
        ? { type: 'cancellation', comment: `Try ${n}.` }
        : { type: 'cancellation', reason: 'unable_to_complete' };
      return service.as(mine ? CLIENT : FREELANCER).post<Dispute>(`/v1/orders/${orderId}/disputes`, body);
    });
    const [opened, ...more] = answers.filter(({ status }) => status === 201);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(more).toEqual([]);
    expect(refused).toHaveLength(11);
    for (const { code, problem } of refused) {
      expect(code).toBe('dispute_already_open');
      expect(problem.openDispute).toMatchObject({
        id: opened?.body.id,
        type: 'cancellation',
        opener: opened?.body.opener,
      });
      const actions = problem.openDispute?.allowedActions.map(({ action }) => action);
      expect([['accept', 'decline'], ['withdraw']]).toContainEqual(actions);
    }
  });
});

describe('both answers and the withdrawal at once', () => {
  test('end the dispute once; the others hear that it is resolved', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const answers = await Promise.all([
      service.as(FREELANCER).post<Dispute>(`/v1/disputes/${id}/accept`),
      service.as(FREELANCER).post<Dispute>(`/v1/disputes/${id}/decline`),
      service.as(CLIENT).post<Dispute>(`/v1/disputes/${id}/withdraw`),
    ]);
    const [won, ...more] = answers.filter(({ status }) => status === 200);
    expect(more).toEqual([]);
    expect(answers.filter(({ status }) => status !== 200).map(({ code }) => code)).toEqual([
      'dispute_not_open',
      'dispute_not_open',
    ]);
    const read = await service.as(CLIENT).get<Dispute>(`/v1/disputes/${id}`);
    expect(read.body.resolution).toBe(won?.body.resolution);
  });
});

describe('the first report of an order, twenty times at once', () => {
  test('makes it once, and the repetitions change nothing', async () => {
    const report = {
      clientId: 'a',
      freelancerId: 'b',
      status: 'late',
      deliverBy: null,
      price: { amount: 1, currency: 'EUR' },
      revision: 3,
    };
    const answers = await all(20, () => service.withScopes('orders:write').put('/v1/orders/at-once', report));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
  });
});
