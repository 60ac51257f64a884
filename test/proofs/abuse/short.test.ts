import { expect, test } from 'vitest';
import { abuse, SLOW } from './run.ts';

test('other callers are served while connections are slow, idle or send megabytes, and slow ones are ended', async () => {
  const observed = await abuse({
    idleConnections: 800,
    slowConnections: 100,
    largeConnections: 6,
    seconds: 2,
    slowSeconds: 16,
  });
  expect(observed.map(({ attack, failed }) => [attack, failed])).toEqual(observed.map(({ attack }) => [attack, 0]));
  for (const { attack, served, p99 } of observed) {
    expect([attack, served > 20, p99 < 2_000]).toEqual([attack, true, true]);
  }
  expect(observed.find(({ attack }) => attack === SLOW)?.ended).toBe(100);
}, 180_000);
