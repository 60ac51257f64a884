import { describe, expect, test } from 'vitest';
import { createProbe } from '../../src/metrics/probes.ts';

/** A probe whose answers come when the test says so, and whose clock the test sets. */
function stage({ patienceMs = 10_000 } = {}) {
  let time = 0;
  const waiting: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  const shown: (number | null)[] = [];
  const probe = createProbe<number>(
    {
      ask: () => new Promise((resolve, reject) => waiting.push({ resolve, reject })),
      show: (answer) => shown.push(answer),
      hide: () => shown.push(null),
    },
    { freshMs: 5_000, patienceMs, now: () => time },
  );
  return { probe, waiting, shown, wait: (ms: number) => (time += ms) };
}

describe('a probe', () => {
  test('asks once for all who look at the same time, and for those who look again soon', async () => {
    const { probe, waiting, shown, wait } = stage();
    const seen: number[] = [];
    const looks = Array.from({ length: 10 }, async () => {
      await probe();
      seen.push(shown.length);
    });
    await new Promise(setImmediate);
    waiting[0]?.resolve(1);
    await Promise.all(looks);
    expect(seen).toEqual(Array(10).fill(1));
    wait(4_999);
    await probe();
    expect([waiting.length, shown]).toEqual([1, [1]]);
    wait(1);
    const later = probe();
    waiting[1]?.resolve(2);
    await later;
    expect([waiting.length, shown]).toEqual([2, [1, 2]]);
  });

  test('hides what it does not know, and does not fail', async () => {
    const { probe, waiting, shown } = stage();
    const look = probe();
    waiting[0]?.reject(new Error('Redis is away'));
    await expect(look).resolves.toBeUndefined();
    expect(shown).toEqual([null]);
  });

  test('does not wait for a silent server, does not ask twice meanwhile, and drops a late answer', async () => {
    const { probe, waiting, shown, wait } = stage({ patienceMs: 1 });
    await probe();
    expect(shown).toEqual([null]);
    wait(60_000);
    await probe();
    expect(waiting.length).toBe(1);
    waiting[0]?.resolve(1);
    await new Promise(setImmediate);
    expect(shown).toEqual([null]);
    const again = probe();
    waiting[1]?.resolve(2);
    await again;
    expect([waiting.length, shown]).toEqual([2, [null, 2]]);
  });

  test('takes a question that throws like one that rejects', async () => {
    const shown: unknown[] = [];
    const ask = () => {
      throw new Error('broken');
    };
    await createProbe({ ask, show: (answer) => shown.push(answer), hide: () => shown.push(null) })();
    expect(shown).toEqual([null]);
  });
});
