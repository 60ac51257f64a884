import { expect, test } from 'vitest';
import { startService } from '../harness/service.ts';

test('a dozen messages are delivered again at once over one connection of the pool', async () => {
  const service = await startService({ env: { DATABASE_POOL_SIZE: '1' } });
  const manager = service.withScopes('webhooks:manage');
  const { body: endpoint } = await manager.post<{ id: string }>('/v1/webhook-endpoints', {
    url: 'https://hooks.example/',
  });
  const paths = [];
  for (let n = 0; n < 12; n += 1) {
    const { body } = await manager.post<{ id: string }>(`/v1/webhook-endpoints/${endpoint.id}/test`);
    paths.push(`/v1/webhook-deliveries/${body.id}/redeliver`);
  }
  // A second connection taken within the transaction of one would never be free.
  const answers = await Promise.all(paths.map((path) => manager.post(path)));
  expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(202));
});
