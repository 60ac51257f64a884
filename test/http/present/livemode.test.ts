import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MIGRATIONS } from '../../../src/platform/postgres/migrations.ts';
import { seedDispute } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';
import type { EventPage } from '../../harness/types.ts';

test.each(['live', 'sandbox'])('an event from before modes has the mode of its deployment: %s', async (mode) => {
  const service = await startService({ env: { MODE: mode } });
  const { orderId } = await seedDispute(service, 'cancellation');
  // The rows as a release without modes has left them.
  await service.database.query(`UPDATE log_entries SET data = data #- '{order,livemode}'`);
  await service.database.query('UPDATE orders SET livemode = true');
  await service.database.query('UPDATE deployment SET mode = $1', [mode]);
  await service.database.query(await readFile(join(MIGRATIONS, '0029_livemode_of_entries.sql'), 'utf8'));
  const { body } = await service.withScopes('events:read').get<EventPage>(`/v1/events?orderId=${orderId}`);
  expect(body.data.map(({ livemode }) => livemode)).toEqual(body.data.map(() => mode === 'live'));
  expect(body.data.length).toBeGreaterThan(0);
});
