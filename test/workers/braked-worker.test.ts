import { EventEmitter } from 'node:events';
import type { Worker } from 'bullmq';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startBraked } from '../../src/workers/braked-worker.ts';
import { captureLog } from '../harness/log.ts';

/** As much of a worker as is needed: it tells of errors, and is closed. */
class FakeWorker extends EventEmitter {
  closing: Promise<void> | undefined;
  async close(): Promise<void> {
    this.closing = Promise.resolve();
  }
}

const MOST = 10;
const made: { worker: FakeWorker; isVersionHidden: boolean }[] = [];
let log = captureLog('info');
let isUsable = true;

beforeEach(() => {
  made.length = 0;
  isUsable = true;
  log = captureLog('info');
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const start = () =>
  startBraked({
    make: (isVersionHidden) => {
      const worker = new FakeWorker();
      made.push({ worker, isVersionHidden });
      return worker as unknown as Worker; // it has what the brake uses
    },
    isUsable: async () => isUsable,
    log: log.log,
    mostErrors: MOST,
  });

/** BullMQ's loop in microtasks: it ends only when the worker is closed. */
function failInALoop(message: string): number {
  const worker = made.at(-1)?.worker;
  let count = 0;
  while (worker !== undefined && worker.closing === undefined && count < 1_000_000) {
    worker.emit('error', new Error(message));
    count += 1;
  }
  return count;
}

test('a worker that fails in a loop is ended in the loop, and another one tries after a rest', async () => {
  const braked = start();
  expect(failInALoop('ERR something else')).toBe(MOST + 1);
  expect(made).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(made).toHaveLength(2);
  await braked.close();
});

test('rests grow to half a minute while nothing gets better', async () => {
  const braked = start();
  const rests: number[] = [];
  for (let n = 0; n < 7; n += 1) {
    failInALoop('NOPERM eval');
    const before = made.length;
    let waited = 0;
    while (made.length === before) {
      await vi.advanceTimersByTimeAsync(1_000);
      waited += 1;
    }
    rests.push(waited);
  }
  expect(rests).toEqual([1, 2, 4, 8, 16, 30, 30]);
  // 91 s: once a minute.
  expect(log.lines().map(({ msg, repeated }) => [msg, repeated])).toEqual([
    ['the deadline worker was ended by its errors, and is made again', undefined],
    ['the deadline worker was ended by its errors, and is made again', 4],
  ]);
  await braked.close();
});

test('a worker that Redis refuses ends at its first error, and another one works soon after Redis does what it needs', async () => {
  const braked = start();
  isUsable = false;
  expect(failInALoop("READONLY You can't write against a read only replica.")).toBe(1);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(made).toHaveLength(1);
  isUsable = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(made).toHaveLength(2);
  // The health check has told it.
  expect(log.lines()).toEqual([]);
  await braked.close();
});

test('errors that come one by one end no worker', async () => {
  const braked = start();
  for (let n = 0; n < 5 * MOST; n += 1) {
    made.at(-1)?.worker.emit('error', new Error('a connection broke'));
    await vi.advanceTimersByTimeAsync(200);
  }
  expect(made).toHaveLength(1);
  await braked.close();
});

test('where Redis hides its version, the next worker does not ask for it', async () => {
  const braked = start();
  failInALoop("NOPERM this user has no permissions to run the 'info' command");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(made.map(({ isVersionHidden }) => isVersionHidden)).toEqual([false, true]);
  await braked.close();
});

test('none is made after the end', async () => {
  const braked = start();
  failInALoop('NOPERM eval');
  await braked.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(made).toHaveLength(1);
});
