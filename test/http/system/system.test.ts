import { beforeAll, describe, expect, test } from 'vitest';
import { document } from '../../harness/api/document.ts';
import type { Client, Clients } from '../../harness/client.ts';
import { type ServerProxy, startProxy } from '../../harness/programs/proxy.ts';
import { testRedisUrl } from '../../harness/redis.ts';
import { seedDispute } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { listWorker } from '../../harness/workers.ts';

const HOUR_MS = 3_600_000;

interface Readiness {
  readonly status: string;
  readonly postgres: string;
  readonly redis: string;
  readonly worker?: string;
}

/** System addresses need no token. */
const anonymous = (service: Clients): Client => service.withAuthorization(null);

describe('the process', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService();
  });

  test('says that it is alive', async () => {
    expect((await anonymous(service).get('/healthz')).body).toEqual({ status: 'ok', version: expect.any(String) });
  });

  test('leaves test clocks out of the OpenAPI document of a live deployment', async () => {
    const { paths } = (await anonymous(service).get<{ paths: object }>('/openapi.json')).body;
    const missing = Object.keys(document.paths).filter((path) => !(path in paths));
    expect(missing.length).toBeGreaterThan(0);
    expect(missing.filter((path) => !path.startsWith('/v1/test-clocks'))).toEqual([]);
  });

  test('gives the whole OpenAPI document in a sandbox, without a token', async () => {
    const sandbox = await startService({ env: { MODE: 'sandbox' } });
    expect((await anonymous(sandbox).get('/openapi.json')).body).toEqual(document);
    await sandbox.close();
  });

  test('has a reference page, which loads everything that it is made of', async () => {
    const base = await service.listen();
    const page = await fetch(new URL('/docs', base));
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
    const parts = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part ?? '');
    expect(parts.length).toBeGreaterThan(3);
    for (const part of [...parts, '/openapi.json']) {
      const { status } = await fetch(new URL(part, page.url));
      expect([part, status]).toEqual([part, 200]);
    }
  });

  test('counts what happens, by operation and type, without user ids', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const { text } = await anonymous(service).get('/metrics');
    expect(text).toMatch(/^http_request_duration_seconds_count\{operation="openDispute",status="201"\} 1$/m);
    expect(text).toMatch(/^log_entries_total\{entry="dispute.opened",type="cancellation"\} 1$/m);
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    expect(text).not.toContain(id);
    expect(text).not.toContain('user-7');
  });
});

describe('readiness', () => {
  let service: Service;
  let postgres: ServerProxy;
  let redis: ServerProxy;

  const readiness = async () => {
    const answer = await anonymous(service).get<Readiness>('/readyz');
    return { http: answer.status, ...answer.body };
  };
  const READY = { http: 200, status: 'ready', postgres: 'up', redis: 'up', worker: 'up' };
  const ready = () => waitFor('the service is ready', async () => (await readiness()).status === 'ready');

  beforeAll(async () => {
    const { database } = await startService();
    await listWorker(database, { ageMs: -HOUR_MS });
    postgres = await startProxy(database.url);
    redis = await startProxy(await testRedisUrl());
    service = await startService({ database, databaseUrl: postgres.url, redisUrl: redis.url });
  });

  test('names Postgres, Redis and the workers one by one', async () => {
    await ready();
    expect(await readiness()).toEqual(READY);
  });

  test.each(['cut', 'freeze'] as const)(
    'is degraded and no worse when Redis is gone (%s), and recovers',
    async (how) => {
      redis[how]();
      expect(await readiness()).toEqual({ ...READY, status: 'degraded', redis: 'down' });
      redis.restore();
      await ready();
    },
  );

  test.each(['cut', 'freeze'] as const)('is gone when Postgres is gone (%s), and recovers', async (how) => {
    postgres[how]();
    expect(await readiness()).toEqual({ http: 503, status: 'unavailable', postgres: 'down', redis: 'up' });
    postgres.restore();
    await ready();
  });
});
