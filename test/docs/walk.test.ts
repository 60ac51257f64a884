import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TEST_SECRET } from '../harness/client.ts';
import { startProcess } from '../harness/process.ts';
import { SANDBOX } from '../harness/test-clocks.ts';
import { takeWalk } from './walk.ts';

test('the walk of the README gives what it says', async () => {
  const service = await startProcess({ role: 'api', env: SANDBOX });
  const checkout = join(import.meta.dirname, '../..');
  const { printed, promised } = await takeWalk(service.url, checkout, { AUTH_SECRET: TEST_SECRET });
  expect(printed).toEqual(promised);
});
