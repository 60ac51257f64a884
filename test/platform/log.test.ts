import { expect, test } from 'vitest';
import { createLog, createRepeatingLog } from '../../src/platform/log.ts';
import { captureLog } from '../harness/log.ts';

const MINUTE = 60_000;

test('a failure that repeats is logged at once, and then once a minute with how often', () => {
  const captured = captureLog('info');
  let now = 0;
  const warn = createRepeatingLog(captured.log, () => now);
  for (; now < 3 * MINUTE; now += 100) warn(new Error('away'), { loop: 'relay' }, 'a round failed');
  const lines = captured.lines().map(({ msg, loop, repeated }) => ({ msg, loop, repeated }));
  expect(lines).toEqual([
    { msg: 'a round failed', loop: 'relay', repeated: undefined },
    { msg: 'a round failed', loop: 'relay', repeated: 599 },
    { msg: 'a round failed', loop: 'relay', repeated: 599 },
  ]);
});

test('another failure is logged at once', () => {
  const captured = captureLog('info');
  const warn = createRepeatingLog(captured.log, () => 0);
  warn(new Error('away'), {}, 'a round failed');
  warn(new Error('full'), {}, 'a round failed');
  warn(new Error('away', { cause: new Error('refused') }), {}, 'a round failed');
  expect(captured.lines()).toHaveLength(3);
});

test('failures that never repeat do not fill the memory, and each is logged', () => {
  const captured = captureLog('info');
  const warn = createRepeatingLog(captured.log, () => 0);
  for (let n = 0; n < 250; n += 1) warn(new Error(`failure ${n}`), {}, 'a round failed');
  warn(new Error('failure 0'), {}, 'a round failed');
  expect(captured.lines()).toHaveLength(251);
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
