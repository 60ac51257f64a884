import pg from 'pg';
import { expect, test } from 'vitest';
import { createDatabase } from '../../harness/database.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';
import {
  type AdvancedTestClock,
  advance,
  makeClock,
  orderOnClock,
  SANDBOX,
  type TestClock,
  type TestClockDetails,
  tester,
} from '../../harness/test-clocks.ts';
import type { Dispute } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';

const HOUR_MS = 3_600_000;
const CLOCKS = 100;
// Orders of each clock: `TEST_CLOCK_ORDERS=10 npm test -- test-clocks/parallel` has a thousand in all.
const ORDERS = Number(process.env['TEST_CLOCK_ORDERS'] ?? 3);
/** How many clocks are filled at a time. */
const AT_ONCE = 5;
/** After how many hours something happens to a cancellation on which nothing is answered, and what. */
const PAST = [
  [24, 'dispute.reminder_due'],
  [46, 'dispute.reminder_due'],
  [48, 'dispute.expired'],
  [48, 'order.status_changed'],
] as const;

/** The clocks begin on different days, so that what one does to another would show. */
const beginningOf = (index: number) => Date.UTC(2021, 0, 1 + index);

/** Reports orders on a clock and opens a cancellation on each, with several requests at a time. */
async function fill(service: ServiceProcess, clock: TestClock): Promise<string[]> {
  const orders = Array.from({ length: ORDERS }, async () => {
    const { id: orderId } = await orderOnClock(service, clock);
    await seedDispute(service, 'cancellation', { orderId });
    return orderId;
  });
  return await Promise.all(orders);
}

/** What an answer says of a clock: each order's past, in hours from the clock's beginning. */
function pastOf({ transitions }: Pick<AdvancedTestClock, 'transitions'>, beginning: number) {
  const past = new Map<string, (readonly [number, string])[]>();
  for (const { orderId, type, at } of transitions) {
    past.set(orderId, [...(past.get(orderId) ?? []), [(Date.parse(at) - beginning) / HOUR_MS, type] as const]);
  }
  return past;
}

test('a hundred clocks advance by two processes, of which one is killed: each order gets its own past, once', async () => {
  const database = await createDatabase();
  const env = { ...SANDBOX, REMINDERS: 'PT24H,PT2H', WINDOW_ORDER_UPDATE: 'PT1S', LOG_LEVEL: 'error' };
  const [first, second] = [
    await startProcess({ role: 'all', env, database }),
    await startProcess({ role: 'api', env, database }),
  ];
  const serviceOf = (index: number) => (index % 2 === 0 ? first : second);
  const made = async (index: number) => {
    const beginning = beginningOf(index);
    const clock = await makeClock(serviceOf(index), new Date(beginning).toISOString());
    return { clock, beginning, orderIds: await fill(serviceOf(index), clock) };
  };
  const clocks: Awaited<ReturnType<typeof made>>[] = [];
  for (let index = 0; index < CLOCKS; index += AT_ONCE) {
    clocks.push(...(await Promise.all(Array.from({ length: AT_ONCE }, (_, offset) => made(index + offset)))));
  }
  const realTime = await seedDispute(first, 'order_update', { orderId: (await seedOrder(first)).id });

  let answered = 0;
  let repeated = 0;
  const advanceOn = async (service: ServiceProcess, clock: TestClock): Promise<AdvancedTestClock | null> => {
    const path = `/v1/test-clocks/${clock.id}/advance?wait=30`;
    const answer = await tester(service)
      .post<AdvancedTestClock>(path, { by: 'P3D' }, { 'idempotency-key': clock.id })
      .catch(() => null);
    answered += 1;
    if (answered === CLOCKS / 5) second.child.kill('SIGKILL');
    return answer?.status === 200 ? answer.body : null;
  };
  const advanced = await Promise.all(
    clocks.map(async ({ clock, ...rest }, index) => {
      let answer = await advanceOn(serviceOf(index), clock);
      if (answer === null) repeated += 1;
      // While the dead process is taken for alive, the clock is busy.
      answer ??= await waitFor('the clock has arrived', () => advanceOn(first, clock), undefined, 500);
      return { ...rest, answer };
    }),
  );
  expect(repeated).toBeGreaterThan(0);
  for (const { answer, orderIds, beginning } of advanced) {
    expect(answer.now).toBe(new Date(beginning + 72 * HOUR_MS).toISOString());
    const past = pastOf(answer, beginning);
    expect(past).toEqual(new Map(orderIds.map((id) => [id, PAST])));
  }
  await waitFor('the dispute in real time expires', async () => {
    const { body } = await first.as(CLIENT).get<Dispute>(`/v1/disputes/${realTime.id}`);
    return body.resolution === 'expired';
  });
});

test('an advance that its process leaves behind goes on in another, which is asked for the clock', async () => {
  const database = await createDatabase();
  const env = { ...SANDBOX, REMINDERS: 'none' };
  const [leaving, staying] = [await startService({ env, database }), await startService({ env, database })];
  const clock = await makeClock(leaving, '2021-03-01T12:00:00.000Z');
  const { id: orderId } = await orderOnClock(leaving, clock);
  const { id } = await seedDispute(leaving, 'cancellation', { orderId });
  const path = `/v1/test-clocks/${clock.id}/advance`;
  const key = { 'idempotency-key': clock.id };
  const other = new pg.Client({ connectionString: database.url });
  await other.connect();
  await other.query(`BEGIN; SELECT FROM orders WHERE id = '${orderId}' FOR UPDATE`);
  try {
    const begun = await tester(leaving).post<AdvancedTestClock>(`${path}?wait=0`, { by: 'P3D' }, key);
    expect(begun).toMatchObject({ status: 202, body: { status: 'advancing' } });
    for (const refused of [
      await tester(staying).post(path, { by: 'PT1H' }),
      await tester(staying).delete(`/v1/test-clocks/${clock.id}`),
    ])
      expect(refused).toMatchObject({ status: 409, problem: { code: 'clock_busy' } });
    await leaving.close();
  } finally {
    await other.end();
  }
  await waitFor('the clock has arrived', async () => {
    return (await tester(staying).get<TestClockDetails>(`/v1/test-clocks/${clock.id}`)).body.status === 'ready';
  });
  const { body } = await staying.as(CLIENT).get<Dispute>(`/v1/disputes/${id}`);
  expect(body).toMatchObject({ resolution: 'expired', resolvedAt: '2021-03-03T12:00:00.000Z' });
  const again = await tester(staying).post<AdvancedTestClock>(`${path}?wait=30`, { by: 'P3D' }, key);
  expect(again).toMatchObject({ status: 200, body: { now: '2021-03-04T12:00:00.000Z' } });
  expect((await advance(staying, clock, 'PT1H')).now).toBe('2021-03-04T13:00:00.000Z');
});

test('an advance that is asked for again is 202 while it goes on, then its outcome, also after a later advance', async () => {
  const service = await startService({ env: { ...SANDBOX, REMINDERS: 'none' } });
  const clock = await makeClock(service, '2021-03-01T12:00:00.000Z');
  const { id: orderId } = await orderOnClock(service, clock);
  await seedDispute(service, 'cancellation', { orderId });
  const ask = (by: string, key: string, wait: number) =>
    tester(service).post<AdvancedTestClock>(
      `/v1/test-clocks/${clock.id}/advance?wait=${wait}`,
      { by },
      { 'idempotency-key': key },
    );
  const other = new pg.Client({ connectionString: service.database.url });
  await other.connect();
  await other.query(`BEGIN; SELECT FROM orders WHERE id = '${orderId}' FOR UPDATE`);
  try {
    for (const wait of [0, 1, 0]) {
      expect(await ask('P3D', 'one', wait)).toMatchObject({ status: 202, body: { status: 'advancing' } });
    }
    expect((await ask('P2D', 'one', 0)).code).toBe('idempotency_key_reused');
    expect((await ask('P3D', 'another', 0)).code).toBe('clock_busy');
  } finally {
    await other.end();
  }
  await waitFor('the clock has arrived', async () => {
    return (await tester(service).get<TestClockDetails>(`/v1/test-clocks/${clock.id}`)).body.status === 'ready';
  });
  expect((await ask('PT1H', 'two', 30)).body.now).toBe('2021-03-04T13:00:00.000Z');
  const outcome = await ask('P3D', 'one', 30);
  expect(outcome).toMatchObject({
    status: 200,
    body: { status: 'ready', now: '2021-03-04T12:00:00.000Z', transitionCount: 2 },
  });
  expect((await ask('P3D', 'one', 0)).body).toEqual(outcome.body);
  const { body } = await tester(service).get<TestClockDetails>(`/v1/test-clocks/${clock.id}`);
  expect(body.now).toBe('2021-03-04T13:00:00.000Z');
});

test('answers that come during an advance are in time or too late, and no dispute expires at another instant than its own', async () => {
  const service = await startService({ env: { ...SANDBOX, REMINDERS: 'PT24H,PT2H' } });
  const clock = await makeClock(service, '2021-03-01T12:00:00.000Z');
  const disputes: Dispute[] = [];
  for (let count = 0; count < 30; count += 1) {
    const { id: orderId } = await orderOnClock(service, clock);
    disputes.push(await seedDispute(service, 'cancellation', { orderId }));
  }
  const decline = async ({ id }: Dispute) => (await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`)).status;
  const [advanced, ...statuses] = await Promise.all([advance(service, clock, 'P3D'), ...disputes.map(decline)]);
  expect(advanced.status).toBe('ready');
  for (const [index, { id }] of disputes.entries()) {
    const { body } = await service.as(CLIENT).get<Dispute>(`/v1/disputes/${id}`);
    const isInTime = statuses[index] === 200;
    expect(body.resolution).toBe(isInTime ? 'declined' : 'expired');
    expect([statuses[index], Date.parse(body.resolvedAt ?? '') - Date.parse(body.respondBy)]).toEqual(
      isInTime ? [200, expect.toSatisfy((ms: number) => ms < 0)] : [409, 0],
    );
  }
});

test('a dispute that cannot be written is passed over, and the others of its clock are not', async () => {
  const service = await startService({ env: { ...SANDBOX, REMINDERS: 'none' } });
  const clock = await makeClock(service, '2021-03-01T12:00:00.000Z');
  const disputes: Dispute[] = [];
  for (let count = 0; count < 5; count += 1) {
    const { id: orderId } = await orderOnClock(service, clock);
    disputes.push(await seedDispute(service, 'cancellation', { orderId }));
  }
  const [broken, ...others] = disputes;
  await service.database.query(
    `ALTER TABLE disputes ADD CONSTRAINT planted CHECK (id <> '${broken?.id}' OR resolution IS NULL) NOT VALID`,
  );
  const advanced = await advance(service, clock, 'P3D');
  const expired = advanced.transitions.filter(({ type }) => type === 'dispute.expired');
  expect(new Set(expired.map(({ disputeId }) => disputeId))).toEqual(new Set(others.map(({ id }) => id)));
  expect(advanced.now).toBe('2021-03-04T12:00:00.000Z');
});
