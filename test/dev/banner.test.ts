import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startProcess } from '../harness/process.ts';
import { waitFor } from '../harness/wait-for.ts';

const run = promisify(execFile);

test('what a start prints works as it is pasted', async () => {
  // It is printed only where the secret is the checkout's own.
  const service = await startProcess({ env: { AUTH_SECRET: '' } });
  const pasted = await waitFor('all of it is printed', () => /^API=.*\/accept .*; echo$/ms.exec(service.stdout())?.[0]);
  const { stdout, stderr } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', pasted], {
    env: { PATH: process.env['PATH'] },
  });
  expect(stderr).toBe('');
  const [report, opened, accepted] = stdout.split('\n').filter((line) => line !== '');
  const order = JSON.parse(report ?? '');
  expect(order).toMatchObject({ clientId: 'user-7', freelancerId: 'user-9', status: 'in_progress' });
  const answer = JSON.parse(accepted ?? '');
  expect(answer).toMatchObject({ orderId: order.id, status: 'resolved', resolution: 'accepted' });
  expect(opened).toBe(`opened ${answer.id}`);
});
