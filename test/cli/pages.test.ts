import { expect, test } from 'vitest';
import type { Api } from '../../src/cli/api.ts';
import type { Io } from '../../src/cli/output.ts';
import { pages } from '../../src/cli/pages.ts';

const PAGE = 50;
const io: Io = {
  env: {},
  stdout: { write: () => true },
  stderr: { write: () => true },
  dataDir: '',
};

/** A service with a list of so many items. */
function listOf(count: number) {
  const asked: number[] = [];
  const items = Array.from({ length: count }, (_, index) => index);
  const get = async (_path: string, query: Readonly<Record<string, unknown>> = {}) => {
    const [limit, begin] = [Number(query['limit']), Number(query['cursor'] ?? 0)];
    asked.push(limit);
    const end = begin + limit;
    return { data: items.slice(begin, end), nextCursor: end < count ? String(end) : null };
  };
  return { asked, api: { get } as unknown as Api }; // the other calls are not made
}

test.each([
  [0, 200],
  [PAGE - 1, 200],
  [PAGE, 200],
  [PAGE + 1, 200],
  [4 * PAGE + 1, 4 * PAGE],
  [1_000, PAGE - 1],
  [1_000, PAGE],
  [1_000, PAGE + 1],
])('of a list of %i items a command that shows up to %i gets each once, fifty at a time', async (count, limit) => {
  const { api, asked } = listOf(count);
  const shown = await pages(io, api, { what: 'items', path: '/v1/items', limit });
  expect(shown.data).toEqual(Array.from({ length: Math.min(count, limit) }, (_, index) => index));
  expect(Math.max(...asked)).toBeLessThanOrEqual(PAGE);
});
