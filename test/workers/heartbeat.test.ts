import { hostname } from 'node:os';
import { beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/platform/version.ts';
import { CLIENT, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';
import { waitFor } from '../harness/wait-for.ts';
import { listWorker } from '../harness/workers.ts';

interface Overview {
  readonly worker: string;
  readonly workers: readonly { readonly instance: string; readonly alive: boolean; readonly seenAt: string }[];
}

const MINUTE_MS = 60_000;

let api: Service;
beforeAll(async () => {
  api = await startService();
});

const overview = async () => (await api.withScopes('ops').get<Overview>('/v1/ops/deadlines')).body;
const instances = async () => (await overview()).workers.map(({ instance }) => instance);

describe('operators see', () => {
  test('that no worker lives', async () => {
    expect(await overview()).toMatchObject({ worker: 'down', workers: [] });
  });

  test('each worker that lives, and when the others were seen last', async () => {
    await listWorker(api.database, { instance: 'dead', ageMs: 16_000 });
    expect(await overview()).toMatchObject({ worker: 'down', workers: [{ instance: 'dead', alive: false }] });
    const worker = await startService({ role: 'worker', database: api.database });
    const OWN = { instance: `${hostname()}:${process.pid}`, version: VERSION, alive: true };
    const found = await waitFor('the worker is listed', async () => {
      const seen = await overview();
      return seen.workers.length === 2 && seen;
    });
    expect(found).toMatchObject({ worker: 'up', workers: [OWN, { instance: 'dead', alive: false }] });
    const [{ seenAt = '' } = {}] = found.workers;
    await waitFor('its next heartbeat', async () => ((await overview()).workers[0]?.seenAt ?? '') > seenAt);
    await worker.close();
    expect(await instances()).toEqual(['dead']);
  });

  test('a worker that died for an hour, as long as another one keeps house', async () => {
    await api.database.query('DELETE FROM workers');
    await listWorker(api.database, { instance: 'older', ageMs: 61 * MINUTE_MS });
    await listWorker(api.database, { instance: 'younger', ageMs: 59 * MINUTE_MS });
    expect(await instances()).toEqual(['younger', 'older']);
    const worker = await startService({ role: 'worker', database: api.database });
    await waitFor('the older one is gone', async () => !(await instances()).includes('older'));
    expect(await instances()).toContain('younger');
    await worker.close();
  });
});

test('a heartbeat that cannot be written, or read, stops no deadline and no request', async () => {
  const all = await startService({ role: 'all', env: { WINDOW_CANCELLATION: 'PT1S', REMINDERS: 'none' } });
  await all.database.query('ALTER TABLE workers RENAME TO elsewhere');
  const { id } = await seedDispute(all, 'cancellation');
  const stored = async () => (await all.database.query('SELECT status FROM disputes WHERE id = $1', [id]))[0];
  await waitFor('silence takes effect', async () => (await stored())?.['status'] === 'resolved');
  expect((await all.as(CLIENT).get<Dispute>(`/v1/disputes/${id}`)).status).toBe(200);
  const ready = await all.withAuthorization(null).get<object>('/readyz');
  expect([ready.status, 'worker' in ready.body]).toEqual([200, false]);
  const isLogged = () => all.log.lines().some(({ loop }) => loop === 'heartbeat');
  await waitFor('the failure is logged', isLogged);
});
