import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLog, createRepeatingLog } from '../../src/platform/log.ts';
import { captureLog } from '../harness/log.ts';

const MINUTE = 60_000;

describe('failures that repeat', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'Date'], now: 0 }));
  afterEach(() => void vi.useRealTimers());

  test('are logged at once, and then once a minute with how often and when last, to the end of the outage', () => {
    const captured = captureLog('info');
    const warn = createRepeatingLog(captured.log);
    for (let at = 0; at < 2.5 * MINUTE; at += 100) {
      warn(new Error('away'), { loop: 'relay', at }, 'a round failed');
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(10 * MINUTE);
    const lines = captured.lines().map(({ msg, loop, at, repeated, lastAt }) => ({ msg, loop, at, repeated, lastAt }));
    const of = (at: number, repeated?: number) => ({
      msg: 'a round failed',
      loop: 'relay',
      at,
      repeated,
      lastAt: repeated === undefined ? undefined : new Date(at).toISOString(),
    });
    expect(lines).toEqual([of(0), of(59_900, 599), of(119_900, 600), of(149_900, 300)]);
  });

  test('are logged at once where they are others', () => {
    const captured = captureLog('info');
    const warn = createRepeatingLog(captured.log);
    warn(new Error('away'), {}, 'a round failed');
    warn(new Error('full'), {}, 'a round failed');
    warn(new Error('away', { cause: new Error('refused') }), {}, 'a round failed');
    expect(captured.lines()).toHaveLength(3);
  });

  test('make a bounded number of lines, and each is counted, also where none is like another', () => {
    const captured = captureLog('info');
    const warn = createRepeatingLog(captured.log);
    for (let n = 0; n < 250; n += 1) warn(new Error(`failure ${n}`), {}, 'a round failed');
    warn(new Error('failure 0'), {}, 'a round failed');
    expect(captured.lines()).toHaveLength(21);
    vi.advanceTimersByTime(10 * MINUTE);
    const repeated = captured.lines().map((line) => Number(line['repeated'] ?? 0));
    expect(repeated.reduce((sum, count) => sum + 1 + count, 0) - repeated.filter(Boolean).length).toBe(251);
    warn(new Error('failure 250'), {}, 'a round failed');
    expect(captured.lines().at(-1)).toMatchObject({ err: { message: 'failure 250' } });
  });
});

test('each line says which process of which release wrote it', () => {
  const written: string[] = [];
  const log = createLog('info', { role: 'worker', version: '1.2.3' }, { write: (line) => void written.push(line) });
  log.info('ready');
  expect(JSON.parse(written[0] ?? '')).toMatchObject({
    role: 'worker',
    version: '1.2.3',
    instance: expect.stringMatching(new RegExp(`^.+:${process.pid}$`)),
    msg: 'ready',
  });
});
