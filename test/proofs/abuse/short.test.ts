import { expect, test } from 'vitest';
import { abuse, SLOW } from './run.ts';

test('other callers are served while connections are slow, idle or send megabytes, and slow ones are ended', async () => {
  const observed = await abuse({
    idleConnections: 800,
    slowConnections: 100,
    largeConnections: 6,
    seconds: 1,
    slowSeconds: 16,
    requests: 40,
    // The attacks are what takes a processor, and not the other callers.
    pauseMs: 100,
  });
  // A request fails that is not answered within ten seconds. Times are measured by npm run test:abuse.
  expect(observed.map(({ attack, failed }) => [attack, failed])).toEqual(observed.map(({ attack }) => [attack, 0]));
  for (const { attack, served } of observed) expect([attack, served >= 40]).toEqual([attack, true]);
  expect(observed.find(({ attack }) => attack === SLOW)?.ended).toBe(100);
});
