import { afterEach, beforeAll, expect, test } from 'vitest';
import { type Advancing, takeStep } from '../../../src/application/test-clocks/steps.ts';
import { heldOnTestClocks } from '../../../src/store/test-clocks/holds.ts';
import { seedDispute } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { makeClock, orderOnClock, SANDBOX, type TestClock } from '../../harness/test-clocks.ts';

const LIMIT = 4;
const COUNTS = [LIMIT - 1, LIMIT, LIMIT + 1, 3 * LIMIT + 2];

let service: Service;
beforeAll(async () => {
  service = await startService({ env: { ...SANDBOX, REMINDERS: 'none' } });
});

afterEach(async () => {
  await service.database.query('DELETE FROM test_clock_holds');
  await service.database.query('DELETE FROM holds');
});

/** A clock with so many open disputes, all of which are due in one instant. */
async function clockWith(count: number): Promise<{ clock: TestClock; ids: string[] }> {
  const clock = await makeClock(service, '2021-03-01T12:00:00.000Z');
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const { id: orderId } = await orderOnClock(service, clock);
    ids.push((await seedDispute(service, 'cancellation', { orderId })).id);
  }
  return { clock, ids };
}

const sorted = (ids: readonly string[]) => ids.toSorted((a, b) => a.localeCompare(b));

// Beside a hold all that is open has to be read, to find what is due first.
const ADVANCES = COUNTS.flatMap(
  (count) =>
    [
      [count, 'without a hold', null],
      [count, 'beside a hold of other disputes', 'order_update'],
    ] as const,
);

test.each(ADVANCES)(
  'an advance lets each of %i deadlines of one instant take effect once, 4 in a step, %s',
  async (count, _what, type) => {
    if (type !== null) await service.withScopes('ops').post('/v1/ops/holds', { note: 'Down.', type });
    const { clock, ids } = await clockWith(count);
    const advancing: Advancing = { id: clock.id, lease: '01a20000-0000-7000-8000-000000000001', broken: new Set() };
    await service.database.query(
      `UPDATE test_clocks SET status = 'advancing', lease = $2, leased_until = now() + interval '1 minute',
       advanced_from = now, advance_to = now + interval '3 days' WHERE id = $1`,
      [advancing.id, advancing.lease],
    );
    const expired = async () =>
      (
        await service.database.query<{ id: string }>(
          `SELECT dispute_id AS id FROM log_entries WHERE type = 'dispute.expired' AND dispute_id = ANY ($1)`,
          [ids],
        )
      ).map(({ id }) => id);
    const sizes: number[] = [];
    for (let before = 0; (await takeStep(service.deps.write, advancing, LIMIT)).step === 'moved'; ) {
      const now = (await expired()).length;
      sizes.push(now - before);
      before = now;
    }
    expect(sorted(await expired())).toEqual(sorted(ids));
    expect(Math.max(...sizes)).toBe(Math.min(count, LIMIT));
    await service.database.query('DELETE FROM test_clock_holds');
    await service.database.query('DELETE FROM holds');
  },
);

test.each(COUNTS)('a hold finds each of %i disputes on test clocks once, in pages of 4', async (count) => {
  const { clock, ids } = await clockWith(count);
  const hold = { note: 'Down.', type: 'cancellation' };
  const { id } = (await service.withScopes('ops').post<{ id: string }>('/v1/ops/holds', hold)).body;
  await service.database.query('DELETE FROM test_clock_holds WHERE test_clock_id <> $1', [clock.id]);
  const found: string[] = [];
  for (let full = true; full; ) {
    const page = await heldOnTestClocks(service.deps.write.db, id, found.at(-1) ?? null, LIMIT);
    expect(page.length).toBeLessThanOrEqual(LIMIT);
    found.push(...page);
    full = page.length === LIMIT;
  }
  expect(found).toEqual(sorted(ids));
});
