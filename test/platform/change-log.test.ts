import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createChangeLog } from '../../src/platform/logging/change-log.ts';

const MINUTE_MS = 60_000;
const written: [string, number | undefined][] = [];

beforeEach(() => {
  written.length = 0;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function start() {
  const log = createChangeLog({ initial: 'up' });
  return (state: string) => log(state, ({ changes }) => void written.push([state, changes]));
}

test('a change is written at once, and a state that stays is not written again', () => {
  const tell = start();
  for (const state of ['up', 'down', 'down', 'up', 'up']) tell(state);
  expect(written).toEqual([
    ['down', undefined],
    ['up', undefined],
  ]);
});

test('a state that changes all the time is written six times a minute, and in the end as it stays', async () => {
  const tell = start();
  for (let n = 0; n < 360; n += 1) {
    tell(n % 2 === 0 ? 'down' : 'up');
    await vi.advanceTimersByTimeAsync(500);
  }
  expect(written.length).toBeLessThanOrEqual(18);
  tell('down');
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(written.at(-1)?.[0]).toBe('down');
  const changes = written.reduce((sum, [, leftOut = 0]) => sum + 1 + leftOut, 0);
  expect(changes).toBe(361);
});

test('of changes that are left out, none is written where the last one leads back', async () => {
  const tell = start();
  for (let n = 0; n < 6; n += 1) tell(n % 2 === 0 ? 'down' : 'up');
  tell('down');
  tell('up');
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(written).toHaveLength(6);
});
