import { describe, expect, test } from 'vitest';
import type { Answer } from '../../harness/api/answer.ts';
import { anOrderReport, seedOrder } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';
import { makeClock, orderOnClock, SANDBOX, type TestClock, tester } from '../../harness/test-clocks.ts';

interface TestClockPage {
  readonly data: readonly TestClock[];
  readonly nextCursor: string | null;
}

const ANY_ID = '01a2214f-0000-7000-8000-000000000000';

describe('a live deployment', () => {
  test('has no address of a test clock, neither as a route nor in its document', async () => {
    const service = await startService({ env: { MODE: 'live' } });
    const one = `/v1/test-clocks/${ANY_ID}`;
    const headers = { 'content-type': 'application/json' };
    for (const [method, path, payload] of [
      ['POST', '/v1/test-clocks', '{}'],
      ['GET', '/v1/test-clocks'],
      ['GET', one],
      ['POST', `${one}/advance`, '{"by":"PT1H"}'],
      ['DELETE', one],
    ] as const) {
      const { statusCode } = await service.app.inject({ method, url: path, headers, ...(payload && { payload }) });
      expect([method, path, statusCode]).toEqual([method, path, 404]);
    }
    const { paths } = (await service.app.inject('/openapi.json')).json<{ paths: object }>();
    expect(Object.keys(paths).filter((path) => path.includes('test-clocks'))).toEqual([]);
  });

  test('refuses to put an order on a test clock', async () => {
    const service = await startService({ env: { MODE: 'live' } });
    const report = anOrderReport({ testClockId: ANY_ID });
    const refused = await service.withScopes('orders:write').put('/v1/orders/order-1', report);
    expect(refused).toMatchObject({ status: 400, problem: { errors: [{ pointer: '/testClockId', code: 'unknown' }] } });
    const { id } = await seedOrder(service);
    const { database } = service;
    await database.query(`INSERT INTO test_clocks (id, now, status, created_by, created_at)
      VALUES ('${ANY_ID}', now(), 'ready', 'a test', now())`);
    const put = database.query(`UPDATE orders SET test_clock_id = '${ANY_ID}' WHERE id = $1`, [id]);
    await expect(put).rejects.toMatchObject({ code: '23514' });
  });
});

describe('a sandbox', () => {
  test('has at most a hundred clocks, and lists them page by page', async () => {
    const service = await startService({ env: SANDBOX });
    await service.database.query(`INSERT INTO test_clocks (id, now, status, created_by, created_at)
      SELECT gen_random_uuid(), now(), 'ready', 'a test', date_trunc('milliseconds', now()) FROM generate_series(1, 99)`);
    await makeClock(service);
    expect((await tester(service).post('/v1/test-clocks')).code).toBe('clock_limit_reached');
    const ids = new Set<string>();
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: Answer<TestClockPage> = await tester(service).get(`/v1/test-clocks?limit=30${query}`);
      for (const { id } of page.body.data) ids.add(id);
      cursor = page.body.nextCursor;
    }
    expect(ids.size).toBe(100);
  });

  test('has at most a thousand orders on a clock, however many come at once', async () => {
    const service = await startService({ env: SANDBOX });
    const clock = await makeClock(service);
    const { id } = await orderOnClock(service, clock);
    await service.database.query(
      `INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object('id', 'copy-' || n))).*
       FROM orders o, generate_series(1, 994) AS n WHERE o.id = $1`,
      [id],
    );
    const report = anOrderReport({ testClockId: clock.id });
    const orders = service.withScopes('orders:write');
    const reported = Array.from({ length: 12 }, (_, n) => orders.put(`/v1/orders/late-${n}`, report));
    const statuses = (await Promise.all(reported)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(5);
    expect(statuses.filter((status) => status === 409)).toHaveLength(7);
  });
});
