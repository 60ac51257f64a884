import type { FastifyInstance } from 'fastify';
import { beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/platform/config.ts';
import { startProcess } from '../../harness/process.ts';
import { type ServiceOptions, startService } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { asker, basic, bearer, LOGIN } from './board.ts';

const WITH_LOGIN = { OPS_USER: LOGIN.user, OPS_PASSWORD: LOGIN.password };
const WITH_PORT = { OPS_PORT: '0' };

const PROBES = { '/healthz': 200, '/readyz': 200 };
const FOR_MACHINES = { ...PROBES, '/metrics': 200 };
const NOTHING_ELSE = {
  '/metrics': 404,
  '/ops/queues': 404,
  '/ops/queues/api/queues': 404,
  '/v1/ops/deadlines': 404,
  '/v1/disputes': 404,
  '/docs': 404,
  '/openapi.json': 404,
  '/v1/texts': 404,
};
const FOR_OPERATORS = {
  ...NOTHING_ELSE,
  ...FOR_MACHINES,
  '/ops/queues': 200,
  '/ops/queues/api/queues': 200,
  '/v1/ops/deadlines': 200,
};
const FOR_CALLERS = {
  ...NOTHING_ELSE,
  ...PROBES,
  '/v1/disputes': 403,
  '/docs': 200,
  '/openapi.json': 200,
  '/v1/texts': 200,
};

let ops: string;
beforeAll(async () => {
  ops = await bearer('an-operator', 'ops');
});

/** What an operator's token gets at each address of an app. */
async function answers(app: FastifyInstance | null): Promise<Record<string, number> | null> {
  if (app === null) return null;
  const statuses: Record<string, number> = {};
  for (const path of [...Object.keys(NOTHING_ELSE), ...Object.keys(PROBES)]) {
    // On a busy machine a server may take longer than is waited for: 503 means that the same question may be asked again.
    statuses[path] = await waitFor(`an answer of ${path}`, async () => {
      const { statusCode } = await app.inject({ url: path, headers: { authorization: ops } });
      return statusCode !== 503 && statusCode;
    });
  }
  return statuses;
}

describe('what the ports answer', () => {
  const whole = {
    ...FOR_CALLERS,
    ...FOR_OPERATORS,
    '/v1/disputes': 403,
    '/docs': 200,
    '/openapi.json': 200,
    '/v1/texts': 200,
  };
  const machines = { ...NOTHING_ELSE, ...FOR_MACHINES };
  const probes = { ...NOTHING_ELSE, ...PROBES };

  test.each([
    ['an api', { role: 'api' }, whole, null],
    ['an api with a login', { role: 'api', env: WITH_LOGIN }, whole, null],
    ['an api with a port for operators', { role: 'api', env: WITH_PORT }, FOR_CALLERS, FOR_OPERATORS],
    ['a worker', { role: 'worker' }, machines, null],
    ['a worker with a login', { role: 'worker', env: WITH_LOGIN }, FOR_OPERATORS, null],
    ['a worker with a port for operators', { role: 'worker', env: WITH_PORT }, probes, FOR_OPERATORS],
    ['a worker with both', { role: 'worker', env: { ...WITH_PORT, ...WITH_LOGIN } }, probes, FOR_OPERATORS],
  ] as const satisfies readonly (readonly [string, ServiceOptions, object, object | null])[])(
    'of %s',
    async (_what, options, main, operators) => {
      const service = await startService(options);
      await waitFor('the queue can be looked at', async () => {
        const { statusCode } = await (service.ops ?? service.app).inject({
          url: '/ops/queues/api/queues',
          headers: { authorization: ops },
        });
        return statusCode === 200 || statusCode === 404;
      });
      expect([await answers(service.app), await answers(service.ops)]).toEqual([main, operators]);
      await service.close();
    },
  );

  test('is refused by method only where there is something at the address', async () => {
    const service = await startService({ env: WITH_PORT });
    const statusOf = async (app: FastifyInstance | null, url: string) =>
      (await app?.inject({ method: 'DELETE', url }))?.statusCode;
    for (const [path, main, operators] of [
      ['/metrics', 404, 405],
      ['/v1/ops/deadlines', 404, 405],
      ['/v1/disputes', 405, 404],
      ['/healthz', 405, 405],
    ] as const) {
      expect([path, await statusOf(service.app, path), await statusOf(service.ops, path)]).toEqual([
        path,
        main,
        operators,
      ]);
    }
  });

  test('names the other port where the request would be answered there', async () => {
    const service = await startService({ env: WITH_PORT });
    const detailOf = async (app: FastifyInstance | null, method: 'GET' | 'PUT' | 'DELETE', url: string) =>
      (await app?.inject({ method, url }))?.json<{ detail: string }>().detail;
    for (const path of ['/v1/ops/holds', '/metrics', '/ops/queues'])
      expect(await detailOf(service.app, 'GET', path)).toContain("at the operators' port (OPS_PORT)");
    for (const path of ['/v1/disputes', '/docs', '/openapi.json'])
      expect(await detailOf(service.ops, 'GET', path)).toContain("at the callers' port (PORT)");
    expect(await detailOf(service.ops, 'PUT', '/v1/orders/a')).toMatch(/are GET, HEAD\. .*at the callers' port/);
    expect(await detailOf(service.ops, 'DELETE', '/v1/orders/a')).not.toContain('port');
    expect(await detailOf(service.app, 'GET', '/v1/nothing')).not.toContain('port');
    const worker = await startService({ role: 'worker' });
    expect(await detailOf(worker.app, 'GET', '/v1/ops/holds')).toBe(
      'This port of a worker has only /healthz, /readyz and /metrics. The API is at the address of an api process.',
    );
  });

  test('is answered by a worker as by an api: 405 with Allow, an id of its own for each request, problems', async () => {
    const { app } = await startService({ role: 'worker' });
    const asks = [
      { method: 'POST', url: '/healthz', payload: 'text', headers: { 'content-type': 'text/plain' } },
      { method: 'GET', url: '/nothing' },
      { method: 'GET', url: '/%zz' },
    ] as const;
    const answers = await Promise.all(asks.map((ask) => app.inject(ask)));
    expect(answers.map((answer) => [answer.statusCode, answer.json().code, answer.headers['allow']])).toEqual([
      [405, 'method_not_allowed', 'GET, HEAD'],
      [404, 'not_found', undefined],
      [400, 'validation_failed', undefined],
    ]);
    const ids = answers.map((answer) => answer.json().requestId);
    expect(ids).toEqual(answers.map((answer) => answer.headers['x-request-id']));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(ids).size).toBe(ids.length);
    expect((await app.inject('/healthz')).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

test('a process listens on both ports, says where operators go, and ends with both', async () => {
  const service = await startProcess({ env: { ...WITH_PORT, ...WITH_LOGIN } });
  const url = /^Operators: (http:\S+)\/ops\/queues$/m.exec(service.stdout())?.[1] ?? '';
  expect(url).not.toBe(service.url);
  const ask = asker(url);
  const statuses = [
    (await ask('/metrics')).status,
    (await ask('/ops/queues', { as: basic(LOGIN.user, LOGIN.password) })).status,
    (await asker(service.url)('/metrics')).status,
  ];
  expect(statuses).toEqual([200, 200, 404]);
  expect((await service.stop()).code).toBe(0);
});

describe('a wrong setting is named', () => {
  test.each([
    [{ OPS_USER: 'operator' }, /^OPS_PASSWORD must be set together with OPS_USER$/],
    [{ OPS_PASSWORD: LOGIN.password }, /^OPS_USER must be set together with OPS_PASSWORD$/],
    [{ OPS_USER: 'operator', OPS_PASSWORD: 'fifteen letters' }, /^OPS_PASSWORD must have at least 16 characters$/],
    [{ ...WITH_LOGIN, OPS_USER: 'a:b' }, /^OPS_USER must have no colon/],
    [{ OPS_PORT: '3000' }, /^OPS_PORT must not be PORT$/],
    [{ OPS_PORT: 'http' }, /^OPS_PORT must be a whole number/],
    [{ OPS_HOST: '10.0.0.1' }, /^OPS_HOST needs OPS_PORT$/],
    [{ OPS_QUEUES_WRITABLE: 'yes' }, /^OPS_QUEUES_WRITABLE must be true or false$/],
  ])('%j', (environment, message) => {
    expect(() => readConfig(environment)).toThrow(message);
  });
});
