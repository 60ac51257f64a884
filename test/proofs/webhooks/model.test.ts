import fc from 'fast-check';
import { expect, test } from 'vitest';
import { histories, runToTheEnd } from './model/histories.ts';

// npm run test:webhooks -- --scenario model runs a hundred thousand of them.
const HISTORIES = Number(process.env['WEBHOOK_HISTORIES'] ?? 1_500);

test('no history of answers, waits, changes, replays, recoveries and time breaks a promise of docs/webhooks.md', () => {
  fc.assert(
    fc.property(histories, (history) => {
      runToTheEnd(history);
    }),
    { numRuns: HISTORIES },
  );
  expect.assertions(0);
});
