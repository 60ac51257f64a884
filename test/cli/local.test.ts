import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { describe, expect, test } from 'vitest';
import { describeConfig } from '../../src/platform/config-report.ts';
import { dataDirectory } from '../dev/embedded-directory.ts';
import { section } from '../docs/readme.ts';
import { TEST_SECRET } from '../harness/client.ts';
import { createDatabase } from '../harness/database.ts';
import { startService } from '../harness/service.ts';
import { command, rowsOf } from './command.ts';

const HIDDEN = 'correct-horse-battery-staple-and-more';

describe('check-config', () => {
  const check = (env: Record<string, string>, ...argv: string[]) => command(['check-config', ...argv], { env });

  test('says of each documented variable what is in force, and where it comes from', async () => {
    const { code, out, err } = await check({ WINDOW_CANCELLATION: 'PT24H', PORT: '', AUTH_SECRET: TEST_SECRET });
    expect([code, err]).toEqual([0, '']);
    const rows = rowsOf(out);
    expect(rows).toEqual(
      expect.arrayContaining([
        ['WINDOW_CANCELLATION', 'PT24H', 'environment'],
        ['WINDOW_ORDER_UPDATE', 'PT48H', 'default'],
        ['PORT', '3000', 'default'],
        ['AUTH_SECRET', `*** (${TEST_SECRET.length} bytes)`, 'environment'],
        ['DATABASE_URL', 'an embedded PostgreSQL, data under .data/', 'not set'],
        ['COMMENT_RETENTION', '-', 'not set'],
      ]),
    );
    const documented = [...section('Configuration', 'docs/operate.md').matchAll(/`([A-Z][A-Z_]+)`/g)].map(
      ([, name]) => name,
    );
    expect(new Set(rows.slice(1).map(([name]) => name))).toEqual(new Set([...documented, 'NODE_ENV']));
  });

  test.each([
    ['AUTH_SECRET', HIDDEN],
    ['DATABASE_URL', `postgres://app:${HIDDEN}@db.example:5432/rc?sslmode=require&password=${HIDDEN}`],
    ['REDIS_URL', `rediss://:${HIDDEN}@redis.example:6379`],
    ['REDIS_URL', `redis://:${HIDDEN}@s1:26379/0?master=m&sentinels=s2:26379&sentinelPassword=${HIDDEN}`],
    ['AUTH_JWKS_URL', `https://user:${HIDDEN}@login.example/jwks?key=${HIDDEN}`],
  ])('shows no secret in %s', async (variable, value) => {
    for (const argv of [[], ['--json']]) {
      const { code, out } = await check({ [variable]: value }, ...argv);
      expect([code, out]).toEqual([0, expect.stringContaining('***')]);
      expect(out).not.toContain(HIDDEN);
    }
  });

  test('shows the rest of an address, and JSON for programs', async () => {
    const { out } = await check({ DATABASE_URL: `postgres://app:${HIDDEN}@db.example:5432/rc` }, '--json');
    expect(JSON.parse(out)).toContainEqual({
      variable: 'DATABASE_URL',
      value: 'postgres://app:***@db.example:5432/rc',
      source: 'environment',
    });
    expect(JSON.parse(out)).toEqual(describeConfig({ DATABASE_URL: `postgres://app:${HIDDEN}@db.example:5432/rc` }));
  });

  test.each([
    [{ PORT: '99999' }, 'PORT must be at most 65535'],
    [{ AUTH_SECRET: 'short' }, 'AUTH_SECRET must have at least 32 bytes'],
    [{ NODE_ENV: 'production' }, 'AUTH_ISSUER or AUTH_JWKS_URL or AUTH_SECRET must be set'],
    [{ AUTH_ISSUER: 'login.example' }, 'AUTH_ISSUER must be an https URL'],
    [{ NODE_ENV: 'production', AUTH_SECRET: TEST_SECRET }, 'DATABASE_URL must be set when NODE_ENV is production'],
    [
      { NODE_ENV: 'production', AUTH_SECRET: TEST_SECRET, DATABASE_URL: 'postgres://x@127.0.0.1/x' },
      'REDIS_URL must be set when NODE_ENV is production',
    ],
  ])('reports %j in one line, and ends with 1', async (env: Record<string, string>, line) => {
    const { code, out, err } = await check(env);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^resolution-center: [^\n]+\n$/);
    expect(err).toContain(line);
  });

  test('notes names that resemble short ones of ours, which may be of other programs', async () => {
    const { code, err } = await check({ ROL: 'worker', AUTH_SECRET: TEST_SECRET });
    expect([code, err]).toEqual([0, 'note: ROL is set and is not a variable of the service: is ROLE meant?\n']);
  });

  test.each([
    ['auth-secret', {}],
    ['webhook-key', { AUTH_SECRET: TEST_SECRET }],
  ])('reports an empty file %s in one line, where it is used, and makes none', async (name, env) => {
    const dataDir = join(await dataDirectory(), 'new');
    expect((await command(['check-config'], { env, dataDir })).code).toBe(0);
    await expect(readdir(dataDir)).rejects.toThrow('ENOENT');
    await mkdir(dataDir);
    await writeFile(join(dataDir, name), '');
    const { code, out, err } = await command(['check-config'], { env, dataDir });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^resolution-center: [^\n]+\n$/);
    expect(err).toContain(`${join(dataDir, name)} is damaged (0 characters): `);
    const given = { AUTH_SECRET: TEST_SECRET, WEBHOOK_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') };
    expect((await command(['check-config'], { env: given, dataDir })).code).toBe(0);
  });
});

describe('token', () => {
  test('mints one with the secret that is configured', async () => {
    const env = { AUTH_SECRET: TEST_SECRET, AUTH_ISSUER: 'https://login.example' };
    const { code, out } = await command(['token', '--sub', 'support', '--scope', 'disputes:read ops'], { env });
    expect([code, decodeJwt(out.trim())]).toMatchObject([
      0,
      { sub: 'support', scope: 'disputes:read ops', iss: env.AUTH_ISSUER },
    ]);
  });

  test('writes what a service with this configuration reads', async () => {
    const env = {
      AUTH_SECRET: TEST_SECRET,
      AUTH_AUDIENCE: 'web,orders',
      AUTH_USER_CLAIM: 'uid',
      AUTH_SCOPE_CLAIM: 'https://example.org/roles,scope',
      AUTH_SCOPE_PREFIX: 'rc/',
    };
    const mint = async (...argv: string[]) =>
      (await command(['token', '--sub', 'auth0|7', ...argv], { env })).out.trim();
    const [user, worker] = [await mint(), await mint('--scope', 'ops disputes:read')];
    expect(decodeJwt(user)).toMatchObject({ sub: 'auth0|7', uid: 'auth0|7', aud: 'web' });
    expect(decodeJwt(worker)).toMatchObject({ 'https://example.org/roles': 'rc/ops rc/disputes:read' });
    const service = await startService({ env });
    const ask = async (token: string, path: string) =>
      (await service.withAuthorization(`Bearer ${token}`).get(path)).status;
    expect([await ask(user, '/v1/disputes'), await ask(user, '/v1/ops/deadlines')]).toEqual([200, 403]);
    expect([await ask(worker, '/v1/disputes'), await ask(worker, '/v1/ops/deadlines')]).toEqual([200, 200]);
  });

  test.each([
    [{ AUTH_JWKS_URL: 'https://login.example' }, 'AUTH_JWKS_URL is set: its issuer makes the tokens'],
    [{ AUTH_ISSUER: 'https://login.example' }, 'AUTH_ISSUER is set without AUTH_SECRET: the issuer makes the tokens'],
  ])('is refused where an issuer makes them: %j', async (env: Record<string, string>, message) => {
    const { code, err } = await command(['token', '--sub', 'x'], { env });
    expect([code, err]).toEqual([1, `resolution-center: ${message}\n`]);
  });

  test('is refused for an id that no user can have', async () => {
    const { code, err } = await command(['token', '--sub', 'user 7'], { env: { AUTH_SECRET: TEST_SECRET } });
    expect([code, err]).toEqual([2, expect.stringContaining('--sub must be 1 to 128 printable ASCII characters')]);
  });
});

describe('migrate', () => {
  test('brings a database up to date, once', async () => {
    const database = await createDatabase();
    await database.query('DROP SCHEMA public CASCADE');
    await database.query('CREATE SCHEMA public');
    const migrate = (...argv: string[]) => command(['migrate', ...argv], { env: { DATABASE_URL: database.url } });
    expect(await migrate()).toMatchObject({ code: 0, out: expect.stringMatching(/^migrated: 0001_\w+\.sql, /) });
    expect(await migrate()).toMatchObject({ code: 0, out: 'nothing to migrate\n' });
    expect(JSON.parse((await migrate('--json')).out)).toEqual({ applied: [] });
    // Nothing that it does not use is asked for.
    const env = { DATABASE_URL: database.url, NODE_ENV: 'production' };
    expect(await command(['migrate'], { env })).toMatchObject({ code: 0, err: '' });
  });

  test('ends with 1 without a database, or where it is away', async () => {
    expect(await command(['migrate'])).toMatchObject({ code: 1, err: expect.stringContaining('DATABASE_URL') });
    const env = { DATABASE_URL: 'postgres://x:x@127.0.0.1:1/x' };
    expect(await command(['migrate'], { env })).toMatchObject({
      code: 1,
      err: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
