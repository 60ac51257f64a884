import { describe, expect, test } from 'vitest';
import { logFailures } from '../../../src/http/problems/send-problem.ts';
import { captureLog } from '../../harness/log.ts';

describe('the log of requests that failed', () => {
  test('has one line for an outage, however many requests it fails and wherever', () => {
    const captured = captureLog('info');
    const logFailure = logFailures(captured.log);
    for (let n = 0; n < 1_000; n += 1) {
      const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.5:5432'), { code: 'ECONNREFUSED' });
      logFailure(n % 2 === 0 ? refused : new Error('Failed query', { cause: refused }), { n }, 'request failed');
    }
    expect(captured.lines()).toMatchObject([{ level: 50, msg: 'request failed', n: 0 }]);
  });

  test('has a line at once for each defect, by its place and its words, and one for all ids that it names', () => {
    const captured = captureLog('info');
    const logFailure = logFailures(captured.log);
    const here = (n: number) => new Error(`order ${n} of 0199c1d2-7a1f-7000-8000-00000000000${n} has no row`);
    const there = () => new TypeError('undefined is not a function');
    const elsewhere = () => new TypeError('undefined is not a function');
    for (let n = 0; n < 9; n += 1)
      for (const make of [here, there, elsewhere]) logFailure(make(n), {}, 'request failed');
    expect(captured.lines().map((line) => line['err'])).toMatchObject([
      { message: expect.stringContaining('order 0') },
      { type: 'TypeError' },
      { type: 'TypeError' },
    ]);
  });
});
