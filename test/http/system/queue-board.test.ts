import { beforeAll, describe, expect, test } from 'vitest';
import { routesOf } from '../../harness/api/routes.ts';
import { startProxy } from '../../harness/programs/proxy.ts';
import { testRedisUrl } from '../../harness/redis.ts';
import { type Service, startService } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type Ask, asker, basic, bearer, fillQueue, LOGIN } from '../server/board.ts';

const QUEUES = '/ops/queues/api/queues';
const PAGE = `${QUEUES}?activeQueue=deadlines&status=delayed`;

interface Listed {
  readonly queues: {
    readonly name: string;
    readonly counts: Record<string, number>;
    readonly jobs: { readonly id: string; readonly data: object }[];
    readonly readOnlyMode: boolean;
    readonly isPaused: boolean;
  }[];
}

let ops: string;
beforeAll(async () => {
  ops = await bearer('an-operator', 'ops');
});

/** Every route of the board, with something in the place of each parameter; the tree leaves out where its files are. */
function boardRoutes(service: Service): { method: string; path: string }[] {
  return routesOf(service.app)
    .map((route) => route.split(' '))
    .filter(([, path = '']) => path.startsWith('/ops/queues'))
    .map(([method = '', path = '']) => ({
      method,
      path: path.replaceAll(/\{\w+\}/g, 'deadlines').replace('/*', '/static/x'),
    }));
}

async function listed(ask: Ask, query = ''): Promise<Listed['queues'][number]> {
  const answer = await ask(PAGE + query, { as: ops });
  const [queue] = ((await answer.json()) as Listed).queues;
  if (queue === undefined) throw new Error(`there is no queue in ${answer.status}`);
  return queue;
}

const withLogin = { OPS_USER: LOGIN.user, OPS_PASSWORD: LOGIN.password };

const LACKS_OPS = 'Bearer error="insufficient_scope", scope="ops"';

describe('the queues are shown', () => {
  let service: Service;
  let ask: Ask;

  beforeAll(async () => {
    service = await startService();
    ask = asker(await service.listen());
    await fillQueue(service, 150);
  });

  test.each([
    ['nobody', null, 401, 'Bearer'],
    ['a user', () => bearer('user-7'), 403, LACKS_OPS],
    [
      'a service with other scopes',
      () => bearer('mailer', 'orders:write disputes:read events:read comments:read'),
      403,
      LACKS_OPS,
    ],
    [
      'a forged token',
      async () => `${ops}x`,
      401,
      'Bearer error="invalid_token", error_description="The signature of the token is wrong."',
    ],
    ['a password, where none is configured', async () => basic(LOGIN.user, LOGIN.password), 401, 'Bearer'],
    ['an operator', async () => ops, 200, null],
  ] as const)('to %s', async (_who, credential, status, challenge) => {
    const as = await credential?.();
    const who = as === undefined ? {} : { as };
    for (const path of [
      '/ops/queues',
      '/ops/queues/',
      '/ops/queues/queue/deadlines',
      PAGE,
      '/ops/queues/api/redis/stats',
    ]) {
      const answer = await ask(path, who);
      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.headers.get('www-authenticate')).toBe(challenge);
      if (status !== 200) expect(answer.headers.get('content-type')).toMatch(/problem\+json/);
    }
  });

  test('and by none of its routes to other callers', async () => {
    const routes = boardRoutes(service);
    expect(routes.length).toBeGreaterThan(40);
    const user = await bearer('user-7');
    for (const { method, path } of routes) {
      const statuses = [(await ask(path, { method })).status, (await ask(path, { method, as: user })).status];
      expect([method, path, statuses]).toEqual([method, path, [401, 403]]);
    }
  });

  test('as they are, with ids in the jobs and nothing else', async () => {
    const { name, counts, jobs, readOnlyMode } = await listed(ask);
    expect({ name, delayed: counts['delayed'], jobs: jobs.length, readOnlyMode }).toEqual({
      name: 'deadlines',
      delayed: 150,
      jobs: 10,
      readOnlyMode: true,
    });
    for (const { data } of jobs) expect(Object.keys(data)).toEqual(['disputeId', 'seq']);
  });

  test.each(['1000000', '1e9', '101'])('a hundred at once, where %s are asked for', async (jobsPerPage) => {
    expect((await listed(ask, `&jobsPerPage=${jobsPerPage}`)).jobs.length).toBe(100);
    expect((await listed(ask, `&jobsPerPage=${jobsPerPage}&page=1e300`)).jobs).toEqual([]);
  });

  test('and cannot be acted on', async () => {
    const actions = boardRoutes(service).filter(({ method }) => !['GET', 'HEAD', 'OPTIONS'].includes(method));
    expect(actions.length).toBeGreaterThan(20);
    for (const { method, path } of actions) {
      const answer = await ask(path, { method, as: ops, body: '{}' });
      expect([path, answer.status, answer.headers.get('allow')]).toEqual([path, 405, 'GET, HEAD']);
    }
    expect((await listed(ask)).counts['delayed']).toBe(150);
  });

  test('on a page that loads everything that it is made of, and nothing from elsewhere', async () => {
    const page = await ask('/ops/queues', { as: ops });
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy.split('; ')).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self'"]));
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
    const text = await page.text();
    const parts = [...text.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, part = '']) => `/ops/queues/${part}`);
    expect(parts.length).toBeGreaterThan(4);
    for (const part of parts) {
      const answer = await ask(part, { as: ops });
      expect([part, answer.status]).toEqual([part, 200]);
    }
  });

  test('under a policy that is only theirs', async () => {
    const answer = await ask('/v1/reasons', { as: ops });
    expect(answer.headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
  });
});

describe('an operator logs in with a browser', () => {
  let service: Service;
  let ask: Ask;
  const login = (user: string, password: string) => ask('/ops/queues', { as: basic(user, password) });

  beforeAll(async () => {
    service = await startService({ env: withLogin });
    ask = asker(await service.listen());
  });

  test('which is told that it may, and gets in', async () => {
    const asked = await service.app.inject('/ops/queues');
    const challenges = [expect.stringMatching(/^Basic realm="[^",]+", charset="UTF-8"$/), 'Bearer'];
    expect([asked.statusCode, asked.headers['www-authenticate']]).toEqual([401, challenges]);
    expect((await login(LOGIN.user, LOGIN.password)).status).toBe(200);
    expect((await ask(PAGE, { as: basic(LOGIN.user, LOGIN.password) })).status).toBe(200);
  });

  test('with a password that opens nothing else', async () => {
    expect((await ask('/v1/ops/deadlines', { as: basic(LOGIN.user, LOGIN.password) })).status).toBe(401);
  });

  test('also while others behind the same proxy guess, in a browser in which an operator has signed in', async () => {
    const signIn = (cookie: string, password: string = LOGIN.password) =>
      ask('/ops/queues', { as: basic(LOGIN.user, password), headers: { cookie } });
    const mark = (await login(LOGIN.user, LOGIN.password)).headers.get('set-cookie')?.split(';')[0] ?? '';
    expect(mark).toMatch(/^resolution-center-operator=/);
    const forged = `${mark.slice(0, -4)}AAAA`;
    // A minute that ends amid the guesses begins them anew.
    await waitFor('a forged mark is kept out with the others', async () => {
      for (let n = 0; n < 11; n += 1) await signIn(forged, 'a wrong password');
      return (await signIn(forged)).status === 429 && (await signIn('')).status === 429;
    });
    expect((await signIn(`theme=dark; ${mark}`)).status).toBe(200);
    await waitFor('guesses in a browser that is known are stopped, too', async () => {
      for (let n = 0; n < 11; n += 1) await signIn(mark, 'a wrong password');
      return (await signIn(mark)).status === 429;
    });
  });

  test('and not for long with wrong ones, while tokens are still taken', async () => {
    const wrong = [
      ['operator', 'a wrong password'],
      ['operator', ''],
      ['operator', `${LOGIN.password}x`],
      ['operato', `r:${LOGIN.password}`],
      ['Operator', LOGIN.password],
      ['', LOGIN.password],
      ['operator', LOGIN.password.slice(0, -1)],
    ] as const;
    // A minute that ends amid the guesses begins them anew.
    await waitFor('the guesses are stopped', async () => {
      for (const [user, password] of wrong) expect([401, 429]).toContain((await login(user, password)).status);
      return (await login(LOGIN.user, LOGIN.password)).status === 429;
    });
    const stopped = await login(LOGIN.user, LOGIN.password);
    if (stopped.status === 429) expect(Number(stopped.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask('/ops/queues', { as: ops })).status).toBe(200);
  });
});

describe('where operators may act on the queues', () => {
  let service: Service;
  let base: string;
  let ask: Ask;

  beforeAll(async () => {
    service = await startService({ env: { OPS_QUEUES_WRITABLE: 'true' } });
    base = await service.listen();
    ask = asker(base);
  });
  const put = (path: string, body = '{}') => ask(`${QUEUES}/deadlines/${path}`, { method: 'PUT', as: ops, body });

  test('they do, and the log says who', async () => {
    const [first = '', second = ''] = await fillQueue(service, 2);
    const before = (await listed(ask)).counts['delayed'] ?? 0;
    const done = [await put(`${first}/promote`), await put(`${second}/clean`), await put('pause')];
    expect(done.map(({ ok }) => ok)).toEqual([true, true, true]);
    const { counts, isPaused } = await listed(ask);
    expect([counts['delayed'], counts['waiting'], isPaused]).toEqual([before - 2, 1, true]);
    expect((await put('resume')).ok).toBe(true);
    const acts = service.log.lines().filter(({ msg }) => msg === 'an operator acted on the queue');
    expect(acts.map(({ operator, url }) => [operator, url])).toContainEqual([
      'an-operator',
      `${QUEUES}/deadlines/${first}/promote`,
    ]);
    expect(acts.length).toBe(4);
  });

  test.each([
    ['POST', 'add', { name: 'x', data: { note: 'a text' } }],
    ['PATCH', 'some-job/update-data', { jobData: { note: 'a text' } }],
    ['PUT', 'empty', {}],
    ['PUT', 'obliterate', { force: true }],
    ['PUT', 'concurrency', { concurrency: 1 }],
    ['PUT', 'rate-limit', { max: 1, duration: 60_000 }],
    ['PATCH', 'some-job/delay', { delay: 1 }],
  ])('they neither put texts into jobs nor empty a queue at once: %s %s', async (method, path, body) => {
    const answer = await ask(`${QUEUES}/deadlines/${path}`, { method, as: ops, body: JSON.stringify(body) });
    expect(answer.status).toBe(405);
  });

  test.each([
    ['of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://elsewhere.example' }, 403],
    ['of a neighbour', { 'sec-fetch-site': 'same-site' }, 403],
    ['of another site, in a browser that does not say so', { origin: 'https://elsewhere.example' }, 403],
    ['without an origin', { origin: 'null' }, 403],
    ['of the board', { 'sec-fetch-site': 'same-origin' }, 200],
  ])('a page %s acts for them, or not', async (_page, headers, status) => {
    const answer = await ask(`${QUEUES}/deadlines/resume`, { method: 'PUT', as: ops, body: '{}', headers });
    expect(answer.status).toBe(status);
  });

  test('the board acts for them, in a browser that does not say so', async () => {
    const { origin } = new URL(base);
    const answer = await ask(`${QUEUES}/deadlines/resume`, { method: 'PUT', as: ops, body: '{}', headers: { origin } });
    expect(answer.status).toBe(200);
  });

  test('no other does', async () => {
    const answer = await ask(`${QUEUES}/pause`, {
      method: 'PUT',
      as: await bearer('mailer', 'events:read'),
      body: '{}',
    });
    expect([answer.status, (await listed(ask)).isPaused]).toEqual([403, false]);
  });
});

describe('without Redis', () => {
  test.each(['cut', 'freeze'] as const)(
    '(%s) the board is unavailable and the API is not, until it is back',
    async (how) => {
      const redis = await startProxy(await testRedisUrl());
      const service = await startService({ redisUrl: redis.url });
      const ask = asker(await service.listen());
      const statusOf = async (path: string) => (await ask(path, { as: ops })).status;
      await waitFor('the board is there', async () => (await statusOf(PAGE)) === 200);
      redis[how]();
      const user = await bearer('user-7');
      const [board, stats, api] = await Promise.all([
        ask(PAGE, { as: ops }),
        ask('/ops/queues/api/redis/stats', { as: ops }),
        ask('/v1/disputes', { as: user }),
      ]);
      expect([board.status, stats.status, api.status]).toEqual([503, 503, 200]);
      expect(await board.json()).toMatchObject({ code: 'unavailable' });
      expect(Number(board.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await statusOf('/ops/queues')).toBe(200);
      redis.restore();
      await waitFor('the board is back', async () => (await statusOf(PAGE)) === 200);
    },
  );

  test('that has never been there, it is unavailable, too', async () => {
    const redis = await startProxy(await testRedisUrl());
    redis.cut();
    const service = await startService({ redisUrl: redis.url });
    const ask = asker(await service.listen());
    expect((await ask(PAGE, { as: ops })).status).toBe(503);
    redis.restore();
    await waitFor('the board is there', async () => (await ask(PAGE, { as: ops })).status === 200);
  });
});
