import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { documentedLogFields } from '../../docs/readme.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { createDatabase } from '../../harness/database.ts';
import { type Running, runProgram, type ServiceProcess, startProcess } from '../../harness/process.ts';
import { startProxy } from '../../harness/programs/proxy.ts';
import { testRedisUrl } from '../../harness/redis.ts';
import { CLIENT, seedDispute } from '../../harness/seed.ts';
import { testEnvironment } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';

const LIMIT_MS = 300_000;
const REFUSED = 500;
const MOST_LINES_A_MINUTE = 60;

/** What a library does that is out of date, or that nothing listens to. */
const LIBRARY = `
const { error } = console;
setInterval(() => {
  if (console.error === error) return; // the service has only begun to be read
  process.emitWarning('soon gone', 'DeprecationWarning', 'DEP9999');
  console.error('[library] Unhandled error event:', new Error('of a library'));
}, 300).unref();`;

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

const parsed = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(line) as Line;
      } catch {
        throw new Error(`this line of the log is no JSON: ${line}`);
      }
    });
const linesOf = (process: Pick<Running, 'stdout' | 'stderr'>) => [
  ...parsed(process.stdout()),
  ...parsed(process.stderr()),
];
const withText = (process: ServiceProcess, text: RegExp) => linesOf(process).filter(({ msg }) => text.test(msg));
const failuresOf = (process: ServiceProcess) => linesOf(process).filter(({ level }) => level >= 40);

async function preload(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'preload-'));
  onCleanup(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'library.cjs');
  await writeFile(file, LIBRARY);
  return file;
}

async function sendBadRequests({ url, as, withAuthorization }: ServiceProcess): Promise<void> {
  await as(CLIENT).send('POST', '/v1/orders/o-1/disputes', { 'content-type': 'application/json' }, '{"type":');
  await as(CLIENT).send('POST', '/v1/orders/o-1/disputes', { 'content-type': 'text/plain' }, 'hello');
  await as(CLIENT).get('/v1/disputes?limit=many');
  await as(CLIENT).get('/nowhere');
  await withAuthorization('Bearer no.token.atall').get('/v1/disputes');
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname, () => socket.write('this is no HTTP\r\n\r\n'));
  await new Promise((resolve) => socket.on('close', resolve).resume());
}

describe('in production, api and worker apart, with Redis and PostgreSQL away for a while', () => {
  let api: ServiceProcess;
  let worker: ServiceProcess;
  let outage: { api: number; worker: number };
  let detail: string;
  beforeAll(async () => {
    const database = await createDatabase();
    const postgres = await startProxy(database.url);
    const redis = await startProxy(await testRedisUrl());
    const NODE_OPTIONS = `--require ${await preload()}`;
    const env = { NODE_ENV: 'production', LOG_LEVEL: 'info', NODE_OPTIONS };
    const shared = { database, databaseUrl: postgres.url, redisUrl: redis.url, env };
    [api, worker] = await Promise.all([
      startProcess({ ...shared, role: 'api' }),
      startProcess({ ...shared, role: 'worker' }),
    ]);
    await seedDispute(api, 'cancellation');
    await sendBadRequests(api);
    const readiness = async () =>
      await Promise.all(
        [api, worker].map(async ({ url }) => {
          const { status } = (await (await fetch(`${url}/readyz`)).json()) as { status: string };
          return status;
        }),
      );

    redis.cut();
    // As the probes of an orchestrator ask, again and again.
    for (let asked = 0; asked < 20; asked += 1) await readiness();
    postgres.cut();
    outage = { api: failuresOf(api).length, worker: failuresOf(worker).length };
    const refuse = async () => {
      const answer = await api.as(CLIENT).get('/v1/disputes');
      expect(answer).toMatchObject({ status: 503, code: 'unavailable' });
      return answer.problem.detail;
    };
    for (let sent = 0; sent < REFUSED; sent += 20)
      [detail = ''] = await Promise.all(Array.from({ length: 20 }, refuse));
    await waitFor(
      'all know of it',
      async () => (await readiness()).every((status) => status === 'unavailable'),
      LIMIT_MS,
    );
    outage = { api: failuresOf(api).length - outage.api, worker: failuresOf(worker).length - outage.worker };

    postgres.restore();
    redis.restore();
    await waitFor('all work again', async () => (await readiness()).every((status) => status === 'ready'), LIMIT_MS);
    await waitFor('Redis is back for all', () => [api, worker].every((one) => withText(one, /Redis does/).length > 0));
    expect(await Promise.all([api.stop(), worker.stop()])).toEqual(Array(2).fill({ code: 0, signal: null }));
  }, LIMIT_MS);

  test('every line on stdout and stderr is JSON, also what Node and libraries print', () => {
    for (const process of [api, worker]) {
      expect(process.stderr()).toBe('');
      for (const line of linesOf(process)) {
        expect(line).toMatchObject({ level: expect.any(Number), time: expect.any(Number), msg: expect.any(String) });
      }
      expect(withText(process, /^Resolution Center \S+ \((api|worker)\) listens on http:/)).toHaveLength(1);
      const [warning] = withText(process, /a warning of Node/);
      expect(warning).toMatchObject({ printedBy: 'node', err: { type: 'DeprecationWarning', code: 'DEP9999' } });
      const [printed] = withText(process, /^\[library\] Unhandled/);
      expect(printed).toMatchObject({ printedBy: 'console.error', err: { message: 'of a library' } });
    }
  });

  test('no library prints by itself: each failure has a listener', () => {
    const printed = [api, worker].flatMap(linesOf).filter((line) => line['printedBy'] !== undefined);
    expect(new Set(printed.map(({ msg }) => msg))).toEqual(
      new Set(['a warning of Node.js', '[library] Unhandled error event:']),
    );
  });

  test('an outage makes a bounded number of lines, whatever the traffic, and says the cause to log and callers', () => {
    expect(outage.api).toBeLessThan(MOST_LINES_A_MINUTE);
    expect(outage.worker).toBeLessThan(MOST_LINES_A_MINUTE);
    const failed = withText(api, /^request failed$/);
    expect(failed[0]).toMatchObject({ code: 'unavailable', operationId: 'listDisputes', reqId: expect.any(String) });
    expect(failed[0]?.['err']).toMatchObject({ type: expect.any(String), stack: expect.stringContaining(' at ') });
    expect(detail).toMatch(/^The database cannot be reached/);
  });

  test('a Redis that is away is one line in each process, and one when it is back', () => {
    for (const process of [api, worker]) {
      // More than one where the machine is too busy for Redis to answer in time: then each is told once, and its end.
      const away = withText(process, /^Redis is away/);
      expect(away.length).toBeGreaterThan(0);
      expect(withText(process, /^Redis does what the queue needs/)).toHaveLength(away.length);
    }
  });

  test('each line says which process of which release wrote it, by fields that the documents name', () => {
    const documented = documentedLogFields();
    for (const process of [api, worker]) {
      const role = process === api ? 'api' : 'worker';
      for (const line of linesOf(process)) {
        expect(line).toMatchObject({ role, version: expect.stringMatching(/^\d+\./), instance: expect.any(String) });
        expect(Object.keys(line).filter((field) => !documented.has(field))).toEqual([]);
      }
    }
  });
});

describe('in production, a start that fails', () => {
  test.each([
    ['an unknown database server', { DATABASE_URL: 'postgres://x:x@127.0.0.1:1/x' }, /no server listens at/],
    ['a wrong variable', { WINDOW_CANCELLATION: 'soon' }, /^WINDOW_CANCELLATION /],
  ])('is one line of JSON on stderr: %s', async (_what, wrong, text) => {
    const env = { ...testEnvironment('postgres://x:x@127.0.0.1:1/x', 'redis://127.0.0.1:1'), AUTH_SECRET: TEST_SECRET };
    const started = runProgram('main.js', [], { env: { ...env, NODE_ENV: 'production', ...wrong } });
    expect(await started.exited).toEqual({ code: 1, signal: null });
    expect(started.stdout()).toBe('');
    expect(parsed(started.stderr())).toMatchObject([{ level: 60, msg: expect.stringMatching(text) }]);
  });
});
