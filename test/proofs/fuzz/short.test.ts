import { expect, test } from 'vitest';
import { fuzz } from './run.ts';
import { faultsOf } from './verdict.ts';

const SEED = 20_261_124;

test('nothing that a caller sends makes a 5xx or an undocumented answer, a refused request changes nothing, and every documented code is met', async () => {
  const result = await fuzz(SEED, 2_000, () => {});
  expect(faultsOf(result)).toEqual([]);
  // Otherwise it would only have knocked at a closed door.
  for (const status of [200, 201, 400, 401, 403, 404, 409, 413, 415]) {
    expect([status, (result.byStatus.get(status) ?? 0) > 0]).toEqual([status, true]);
  }
  expect(result.compared).toBeGreaterThan(30);
});
