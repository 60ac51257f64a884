import { beforeAll, describe, expect, test } from 'vitest';
import { sqlStateOf } from '../../src/platform/postgres/database.ts';
import { type Service, startService } from '../harness/service.ts';

const CHECK_VIOLATION = '23514';
const COLUMNS = ['id', 'client_id', 'freelancer_id'] as const;

let service: Service;
beforeAll(async () => {
  service = await startService();
});

async function insertOrder(ids: Partial<Record<(typeof COLUMNS)[number], string>>): Promise<void> {
  const { id, client_id, freelancer_id } = { id: 'order-1', client_id: 'user-1', freelancer_id: 'user-2', ...ids };
  await service.database.query(
    `INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, extras, price_amount, price_currency,
       revision, version, created_at, updated_at)
     VALUES ($1, $2, $3, 'in_progress', 'in_progress', '[]', 1, 'USD', 1, 0, now(), now())`,
    [id, client_id, freelancer_id],
  );
}

describe.each(COLUMNS)('%s of an order', (column) => {
  test.each([
    ['nothing', ''],
    ['129 characters', 'x'.repeat(129)],
    ['a space', 'user 1'],
    ['a line break at its end', 'user-1\n'],
    ['a letter that is none of A to Z', 'usér'],
  ])('is never %s', async (_what, value) => {
    const refused = await insertOrder({ [column]: value }).then(
      () => null,
      (error: unknown) => sqlStateOf(error),
    );
    expect(refused).toBe(CHECK_VIOLATION);
  });

  test('has up to 128 letters, digits, dots, underscores, colons and hyphens; of a user, any printable ASCII', async () => {
    const printable = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index)).join('');
    const value = `${column}:A.z_9-${column === 'id' ? '' : printable}`.padEnd(128, 'x');
    await insertOrder({ id: `order-${column}`, [column]: value });
    expect(
      await service.database.query('SELECT 1 FROM orders WHERE $1 IN (id, client_id, freelancer_id)', [value]),
    ).toEqual([{ '?column?': 1 }]);
  });
});
