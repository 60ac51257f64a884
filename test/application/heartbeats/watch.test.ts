import { expect, test, vi } from 'vitest';
import type { SeenWorker } from '../../../src/application/heartbeats/heartbeats.ts';
import { watchWorkers } from '../../../src/application/heartbeats/watch.ts';

const AWAY = () => Promise.reject(new Error('PostgreSQL is away'));

/** A watch with a clock that only the test moves, and workers that each left a heartbeat some milliseconds ago. */
function scene(...ages: number[]) {
  let now = 1_000_000;
  const seen = (list: readonly number[]) => async (): Promise<SeenWorker[]> =>
    list.map((ageMs) => ({ instance: 'worker-1:7', version: '0.1.0', startedAt: 0, seenAt: 0, ageMs }));
  const read = vi.fn(seen(ages));
  const log = { info: vi.fn(), error: vi.fn() };
  const look = watchWorkers(read, log, { now: () => now });
  return {
    ...{ read, log, look },
    workers: (...list: number[]) => read.mockImplementation(seen(list)),
    after: async (seconds: number) => {
      now += seconds * 1_000;
      return await look();
    },
  };
}

test('workers are up while one of them has left a heartbeat in the last fifteen seconds', async () => {
  const { after, workers } = scene(16_000, 15_000, 3_000);
  expect(await after(0)).toEqual({ alive: 2, worker: 'up' });
  workers(-40);
  expect(await after(2)).toEqual({ alive: 1, worker: 'up' });
});

test('while all processes start, it is not known whether a worker lives, for thirty seconds', async () => {
  const { after } = scene();
  expect([await after(0), await after(29), await after(2)]).toEqual([
    { alive: 0 },
    { alive: 0 },
    { alive: 0, worker: 'down' },
  ]);
});

test('a worker that is restarted within fifteen seconds is no news, and one that stays away is', async () => {
  const { after, workers, log } = scene(1_000);
  await after(60);
  workers();
  expect(await after(13)).toEqual({ alive: 0 });
  workers(500);
  expect(await after(2)).toEqual({ alive: 1, worker: 'up' });
  workers(2_500);
  await after(2);
  workers();
  expect(await after(14)).toEqual({ alive: 0, worker: 'down' });
  expect(log.error.mock.calls).toHaveLength(1);
  workers(10);
  expect(await after(60)).toEqual({ alive: 1, worker: 'up' });
  expect(log.info.mock.calls).toHaveLength(1);
});

test('nothing is known of the workers while PostgreSQL is away, and for thirty seconds afterwards none has to live', async () => {
  const { after, read, workers } = scene(1_000);
  await after(60);
  read.mockImplementation(AWAY);
  expect(await after(90)).toEqual({ alive: null });
  workers(92_000);
  expect(await after(4)).toEqual({ alive: 0 });
  expect(await after(27)).toEqual({ alive: 0, worker: 'down' });
});

test('a hundred callers share one question a second, also one without an answer', async () => {
  const { look, after, read } = scene(1_000);
  await Promise.all(Array.from({ length: 100 }, () => look()));
  await after(0.9);
  expect(read).toHaveBeenCalledTimes(1);
  read.mockImplementation(() => new Promise(() => {}));
  const waiting = Array.from({ length: 100 }, () => after(1));
  expect((await Promise.all(waiting)).every(({ alive }) => alive === null)).toBe(true);
  expect(read).toHaveBeenCalledTimes(2);
});
