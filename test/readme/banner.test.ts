import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';
import { example } from '../../src/banner.ts';
import { TEST_SECRET } from '../harness/client.ts';
import { type Service, startService } from '../harness/service.ts';

const run = promisify(execFile);

let service: Service;
beforeAll(async () => {
  service = await startService();
});

test('what a start prints works as it is pasted', async () => {
  const printed = await example(await service.listen(), TEST_SECRET, {});
  const pasted = printed.slice(printed.indexOf('\nAPI='));
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
