import { beforeAll, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { clientOf, walk } from './walk.ts';

let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess({ role: 'api' });
});

test('the walk of the README works through the generated client', async () => {
  const { url } = service;
  const [orders, client, freelancer] = await Promise.all([
    mintToken(TEST_SECRET, { sub: 'order-service', scope: 'orders:write' }),
    mintToken(TEST_SECRET, { sub: 'user-7' }),
    mintToken(TEST_SECRET, { sub: 'user-9' }),
  ]);
  const result = await walk(
    clientOf(url, orders),
    clientOf(url, client),
    clientOf(url, freelancer),
    'order-of-the-client',
  );
  expect(result).toEqual({
    offered: ['order_update', 'cancellation'],
    refusal: 'dispute_already_open',
    seen: ['accept', 'decline'],
    resolution: 'accepted',
    order: 'mutually_cancelled',
    timeline: ['opened', 'accepted'],
    listed: [true],
  });
});
