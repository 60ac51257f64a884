import { describe, expect, test } from 'vitest';
import { createCounts, type SharedCounts, WINDOW_MS } from '../../../src/http/auth/request-counts.ts';
import { startProxy } from '../../harness/programs/proxy.ts';
import { testRedisUrl } from '../../harness/redis.ts';
import { CLIENT, FREELANCER } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';

const LIMIT = 20;
const env = { RATE_LIMIT_PER_MINUTE: String(LIMIT) };

/** Sends requests one after another; a minute that ends in between only makes for fewer refusals. */
async function statusesOf(service: Service, sub: string, requests: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let count = 0; count < requests; count += 1) statuses.push((await service.as(sub).get('/v1/reasons')).status);
  return statuses;
}

const refusals = (statuses: readonly number[]) => statuses.filter((status) => status === 429).length;

/** Not across the border of a minute, where counting starts anew. */
async function awayFromTheBorder(): Promise<void> {
  const left = WINDOW_MS - (Date.now() % WINDOW_MS);
  if (left < 8_000) await new Promise((resolve) => setTimeout(resolve, left));
}

describe('a caller that sends too many requests', () => {
  test('is refused with 429 and told when to come back; others are served', async () => {
    await awayFromTheBorder();
    const service = await startService({ env });
    const first = await service.as(CLIENT).get('/v1/reasons');
    expect(first.headers).toMatchObject({ 'ratelimit-limit': '20', 'ratelimit-remaining': '19' });
    expect(refusals(await statusesOf(service, CLIENT, LIMIT))).toBe(1);
    const refused = await service.as(CLIENT).get('/v1/reasons');
    expect(refused).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.headers['ratelimit-remaining']).toBe('0');
    expect(refused.problem.detail).toBe('The limit is 20 a minute for the requests of one caller.');
    expect((await service.as(FREELANCER).get('/v1/reasons')).status).toBe(200);
    // A body is not looked at any more, and nothing is changed.
    expect((await service.as(CLIENT).send('POST', '/v1/orders/x/disputes', {}, '{')).status).toBe(429);
  });

  test('without a good token gets 429 instead of 401, and locks no other caller of the same address out', async () => {
    await awayFromTheBorder();
    const service = await startService({ env });
    const anonymous = service.withAuthorization('Bearer x.y.z');
    const statuses: number[] = [];
    for (let count = 0; count < LIMIT + 5; count += 1) statuses.push((await anonymous.get('/v1/reasons')).status);
    expect([statuses[0], statuses.at(-1)]).toEqual([401, 429]);
    expect((await anonymous.get('/v1/reasons')).problem.detail).toBe(
      'The limit is 20 a minute for requests without a valid token from one address. The token is not a signed JWT.',
    );
    expect((await service.as(CLIENT).get('/v1/reasons')).status).toBe(200);
  });

  test('is known to every process after half a second', async () => {
    await awayFromTheBorder();
    const one = await startService({ env });
    const other = await startService({ env, database: one.database });
    await statusesOf(one, 'user-20', LIMIT);
    await waitFor('the other process knows', async () => {
      const { status } = await other.as('user-20').get('/v1/reasons');
      return status === 429;
    });
    expect(refusals(await statusesOf(other, 'user-21', 2))).toBe(0);
  });

  test.each(['cut', 'freeze'] as const)('is counted by each process alone while Redis is away (%s)', async (fault) => {
    await awayFromTheBorder();
    const redis = await startProxy(await testRedisUrl());
    const service = await startService({ env, redisUrl: redis.url });
    redis[fault]();
    const started = performance.now();
    expect(refusals(await statusesOf(service, `user-${fault}`, LIMIT + 3))).toBe(3);
    expect(performance.now() - started).toBeLessThan(2_000);
    redis.restore();
  });

  test('are not counted where the limit is 0, and probes never are', async () => {
    await awayFromTheBorder();
    const off = await startService();
    expect(refusals(await statusesOf(off, CLIENT, 3 * LIMIT))).toBe(0);
    const on = await startService({ env: { RATE_LIMIT_PER_MINUTE: '1' } });
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json', '/v1/texts']) {
      for (let count = 0; count < 5; count += 1) expect((await on.withAuthorization(null).get(path)).status).toBe(200);
    }
  });
});

describe('behind proxies', () => {
  const from = async (service: Service, forwarded: string) =>
    (
      await service.withAuthorization(null).get('/v1/reasons', {
        'x-forwarded-for': forwarded,
      })
    ).status;

  test('the address is what the last trusted one saw, and not what a caller claims', async () => {
    await awayFromTheBorder();
    const limit = { RATE_LIMIT_PER_MINUTE: '1' };
    const trusting = await startService({ env: { ...limit, PROXY_HOPS: '1' } });
    expect(await from(trusting, '203.0.113.1')).toBe(401);
    expect(await from(trusting, '203.0.113.2')).toBe(401);
    expect(await from(trusting, '198.51.100.9, 203.0.113.1')).toBe(429);
    const direct = await startService({ env: limit, database: trusting.database });
    expect(await from(direct, '203.0.113.3')).toBe(401);
    expect(await from(direct, '203.0.113.4')).toBe(429);
  });
});

describe('counts', () => {
  const store = (add: SharedCounts['add']): SharedCounts => ({ add });

  test('begin anew with each minute', () => {
    let now = 10 * WINDOW_MS;
    const counts = createCounts(null, () => now);
    expect([counts.count('a'), counts.count('a')]).toEqual([
      { current: 1, ttl: WINDOW_MS },
      { current: 2, ttl: WINDOW_MS },
    ]);
    now += WINDOW_MS - 1;
    expect(counts.count('a')).toEqual({ current: 3, ttl: 1 });
    now += 1;
    expect(counts.count('a')).toEqual({ current: 1, ttl: WINDOW_MS });
  });

  test('tell the store how often a caller called, and not who', async () => {
    const told: string[] = [];
    const counts = createCounts(
      store(async (counted) => {
        told.push(...counted.keys());
        return new Map([...counted].map(([name, own]) => [name, own + 100]));
      }),
    );
    counts.count('user:secret-name');
    await waitFor('the store is told', () => told.length > 0);
    expect(told.join()).not.toContain('secret-name');
    await waitFor('the sum is known', () => counts.count('user:secret-name').current > 100);
    await counts.close();
  });

  test.each([999, 1_000, 1_001, 2_500])('of %i callers are told once each, a thousand at a time', async (callers) => {
    const told: string[][] = [];
    const counts = createCounts(
      store(async (counted) => {
        told.push([...counted.keys()]);
        return counted;
      }),
      () => 10 * WINDOW_MS,
    );
    for (let n = 0; n < callers; n += 1) counts.count(`user:${n}`);
    await waitFor('all are told', () => told.flat().length >= callers);
    await counts.close();
    expect(new Set(told.flat()).size).toBe(callers);
    expect(told.flat()).toHaveLength(callers);
    expect(Math.max(...told.map(({ length }) => length))).toBe(Math.min(callers, 1_000));
  });

  test('that could not be told are told later', async () => {
    const answers: (() => void)[] = [];
    let sum = 0;
    const counts = createCounts(
      store(async (counted) => {
        answers.pop()?.();
        for (const own of counted.values()) sum += own;
        return new Map([...counted].map(([name]) => [name, sum]));
      }),
    );
    const fail = () => {
      answers.push(fail);
      throw new Error('away');
    };
    answers.push(fail);
    let sent = 0;
    const call = () => {
      sent += 1;
      return counts.count('a').current;
    };
    await waitFor('some are counted alone', () => call() >= 3);
    answers.length = 0;
    await waitFor('the rest is told', () => {
      call();
      return sum > 3;
    });
    await counts.close();
    expect(sum).toBeLessThanOrEqual(sent);
  });
});
