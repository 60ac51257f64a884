import { describe, expect, test } from 'vitest';
import { readConfig, readServiceConfig, resemblingShortNames, tokenKeysOf } from '../../src/platform/config.ts';

const KEY = Buffer.alloc(32, 1).toString('base64');
const production = { NODE_ENV: 'production', AUTH_JWKS_URL: 'https://issuer.example/jwks.json' };

describe('in production', () => {
  test.each([
    ['http://issuer.example/jwks.json', false],
    ['http://10.0.0.1/jwks.json', false],
    ['http://localhost.evil.example/jwks.json', false],
    ['https://issuer.example/jwks.json', true],
    ['http://127.0.0.1:9000/jwks.json', true],
    ['http://[::1]:9000/jwks.json', true],
  ])("an issuer's keys may come from %s: %p", (url, isFine) => {
    const read = () => readConfig({ ...production, AUTH_JWKS_URL: url });
    if (isFine) expect(read().AUTH_JWKS_URL).toBe(url);
    else expect(read).toThrow('AUTH_JWKS_URL must be an https URL');
    expect(readConfig({ AUTH_JWKS_URL: url }).AUTH_JWKS_URL).toBe(url);
  });

  test('webhooks cannot be let inside', () => {
    expect(() => readConfig({ ...production, WEBHOOK_ALLOW_INSECURE: 'true' })).toThrow(
      'WEBHOOK_ALLOW_INSECURE must not',
    );
    expect(readConfig({ WEBHOOK_ALLOW_INSECURE: 'true' }).WEBHOOK_ALLOW_INSECURE).toBe(true);
  });
});

describe('what tokens are checked with', () => {
  const url = 'https://login.example/jwks';
  const secret = 'x'.repeat(32);
  const issuer = 'https://login.example';

  test.each<[Record<string, string>, object]>([
    [{}, { kind: 'development' }],
    [{ AUTH_SECRET: secret }, { kind: 'secret', secret }],
    [
      { AUTH_SECRET: secret, AUTH_ISSUER: 'us' },
      { kind: 'secret', secret },
    ],
    [{ AUTH_JWKS_URL: url }, { kind: 'jwks', url }],
    [
      { AUTH_JWKS_URL: url, AUTH_ISSUER: 'accounts.google.com' },
      { kind: 'jwks', url },
    ],
    [{ AUTH_ISSUER: issuer }, { kind: 'discovery', issuer }],
    [
      { AUTH_ISSUER: issuer, NODE_ENV: 'production' },
      { kind: 'discovery', issuer },
    ],
  ])('is decided by %j', (env, expected) => {
    expect(tokenKeysOf(readConfig(env))).toEqual(expected);
  });

  test.each([
    'https://tenant.auth0.com/',
    'https://login.example/realms/shop',
    'http://127.0.0.1:8080/realms/shop',
    'http://localhost:8080',
  ])('may be discovered from %s', (AUTH_ISSUER) => {
    expect(readConfig({ AUTH_ISSUER }).AUTH_ISSUER).toBe(AUTH_ISSUER);
  });

  test.each([
    'login.example',
    'http://login.example',
    'http://10.0.0.1:8080',
    'https://login.example/?tenant=1',
    'https://login.example/#a',
    'https://user:password@login.example',
    'ftp://login.example',
    'urn:us',
  ])('is never discovered from %s', (AUTH_ISSUER) => {
    expect(() => readConfig({ AUTH_ISSUER })).toThrow('AUTH_ISSUER must be an https URL');
  });

  test.each([
    [{ AUTH_SECRET_PREVIOUS: secret }, 'AUTH_SECRET_PREVIOUS needs AUTH_SECRET'],
    [{ AUTH_SECRET: secret, AUTH_SECRET_PREVIOUS: 'short' }, 'AUTH_SECRET_PREVIOUS must have at least 32 bytes'],
    [{ AUTH_AUDIENCE: 'a,,b' }, 'AUTH_AUDIENCE must be'],
    [{ AUTH_SCOPE_CLAIM: 'scope,' }, 'AUTH_SCOPE_CLAIM must be'],
    [{ AUTH_SCOPE_CLAIM: 'a b' }, 'AUTH_SCOPE_CLAIM must be'],
    [{ AUTH_USER_CLAIM: 'a"b' }, 'AUTH_USER_CLAIM must have no'],
    [{ AUTH_SCOPE_PREFIX: 'a\\b' }, 'AUTH_SCOPE_PREFIX must have no'],
    [{ AUTH_SCOPE_PREFIX: 'a\nb' }, 'AUTH_SCOPE_PREFIX must have no'],
  ])('is not set by %j', (env: Record<string, string>, message) => {
    expect(() => readConfig(env)).toThrow(message);
  });

  test('has lists of audiences and claims, by commas', () => {
    const { AUTH_AUDIENCE, AUTH_SCOPE_CLAIM } = readConfig({
      AUTH_AUDIENCE: 'web, orders',
      AUTH_SCOPE_CLAIM: 'https://example.org/roles,realm_access.roles',
    });
    expect(AUTH_AUDIENCE).toEqual(['web', 'orders']);
    expect(AUTH_SCOPE_CLAIM).toEqual(['https://example.org/roles', 'realm_access.roles']);
  });
});

test.each([['short'], [`${KEY},short`], [`${KEY},`], [`${KEY}AAAA`]])('%s is no key to encrypt with', (text) => {
  expect(() => readConfig({ WEBHOOK_ENCRYPTION_KEY: text })).toThrow('WEBHOOK_ENCRYPTION_KEY must be 32 random bytes');
});

test('several keys to encrypt with are read in their order', () => {
  const other = Buffer.alloc(32, 2).toString('base64');
  const keys = readConfig({ WEBHOOK_ENCRYPTION_KEY: `${other}, ${KEY}` }).WEBHOOK_ENCRYPTION_KEY;
  expect(keys?.map((key) => key[0])).toEqual([2, 1]);
});

describe('REDIS_URL', () => {
  test.each([
    'redis://node:6379',
    'redis://:p%3Fss%23@node:6379/3',
    'rediss://node:6379/0?cluster=true',
    'redis://node:6379?cluster=true&nodes=other:6379',
    'redis://sentinel:26379/0?master=mymaster&sentinels=other:26379&sentinelPassword=secret',
  ])('may be %s', (url) => {
    expect(readConfig({ REDIS_URL: url }).REDIS_URL).toBe(url);
  });

  const MIXED_UP = 'must name no database but 0 and no Sentinel master where it names a cluster';
  test.each([
    ['redis://node:6379/3?cluster=true', MIXED_UP],
    ['redis://node:6379?cluster=true&master=mymaster', MIXED_UP],
    [
      'redis://node?sentinel=other:26379',
      'must not have the parameter sentinel, which the service does not know; sentinels is the nearest that it does',
    ],
    ['redis://node?Cluster=true', /does not know; cluster is the nearest that it does$/],
    ['redis://node?tls=true', 'must not have the parameter tls: write rediss:// for TLS'],
    [
      'redis://node?db=2',
      /^REDIS_URL must not have the parameter db: write the number of the database behind the host/,
    ],
    ['redis://node?constructor=2', /does not know; .* is the nearest that it does$/],
    ['redis://node?master=a&master=b', 'must have the parameter master only once'],
    ['redis://node?cluster=yes', 'must have cluster=true or leave it out'],
    ['redis://node?nodes=other:6379', 'needs cluster=true beside nodes'],
    ['redis://node?sentinels=other:26379', 'needs master beside sentinels'],
    ['redis://node/jobs', 'must name the database by its number, as in redis://host:6379/0'],
    ['redis://node#jobs', 'must have no #: write it as %23 in a password'],
  ])('is refused where it says what the service would not do: %s', (url, why) => {
    expect(() => readConfig({ REDIS_URL: url })).toThrow(typeof why === 'string' ? `REDIS_URL ${why}` : why);
  });

  test('is refused without a part of the password that is written unescaped', () => {
    const read = () => readConfig({ REDIS_URL: 'redis://user:half?other-half@node:6379' });
    expect(read).toThrow(/^REDIS_URL/);
    expect(read).not.toThrow(/half/);
  });
});

describe('DATABASE_URL', () => {
  test.each([
    ['sslmode=require', 'sslmode=verify-full'],
    ['application_name=a&sslmode=prefer', 'application_name=a&sslmode=verify-full'],
    ['sslmode=verify-ca&sslrootcert=/ca.pem', 'sslmode=verify-full&sslrootcert=/ca.pem'],
    ['sslmode=no-verify', 'sslmode=no-verify'],
    ['sslmode=disable', 'sslmode=disable'],
    ['sslmode=require&uselibpqcompat=true', 'sslmode=require&uselibpqcompat=true'],
  ])('with %s means %s', (given, meant) => {
    const url = (query: string) => `postgres://user:p%40ss@db.example/name?${query}`;
    expect(readConfig({ DATABASE_URL: url(given) }).DATABASE_URL).toBe(url(meant));
  });

  test.each([
    [
      'ssl_mode=verify-full',
      'must not have the parameter ssl_mode, which the service does not know; sslmode is the nearest that it does',
    ],
    ['sslmode=verify-ful', /^DATABASE_URL must have sslmode as one of disable, .*, verify-full/],
    ['sslmode=disable&sslmode=verify-full', 'must have the parameter sslmode only once'],
    [
      'pgbouncer=true',
      'must not have the parameter pgbouncer: leave it out, since the service notices a pooler by itself',
    ],
    ['statement_timeout=1', /^DATABASE_URL must not have the parameter statement_timeout: leave it out/],
    ['channel_binding=require', /^DATABASE_URL must not have the parameter channel_binding: leave it out/],
    ['connection_limit=5', 'must not have the parameter connection_limit: use DATABASE_POOL_SIZE'],
    ['target_session_attrs=any', /^DATABASE_URL must not have the parameter target_session_attrs: name one address/],
  ])('is refused where it says what the driver would not do: %s', (query, why) => {
    const read = () => readConfig({ DATABASE_URL: `postgres://user@db.example/name?${query}` });
    expect(read).toThrow(typeof why === 'string' ? `DATABASE_URL ${why}` : why);
  });

  test('names one host', () => {
    expect(() => readConfig({ DATABASE_URL: 'postgres://user@a.example:5432,b.example:5432/name' })).toThrow(
      /^DATABASE_URL must be a URL such as .* \(one host: an address that leads to the primary\)$/,
    );
  });
});

describe('a variable that is almost one of ours', () => {
  test.each([
    ['WINDOW_CANCELATION', 'WINDOW_CANCELLATION'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['window_cancellation', 'WINDOW_CANCELLATION'],
    ['REMINDER', 'REMINDERS'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
  ])('is refused with the nearest name: %s', (name, meant) => {
    expect(() => readConfig({ [name]: 'PT1H' })).toThrow(`${name} is not a variable of the service; ${meant} is`);
  });

  test.each([
    ['AUTH_SECERT', { AUTH_SECRET: 'a secret of at least 32 bytes, as it must be' }, 'AUTH_SECRET'],
    ['WINDOW_CANCELATION', { WINDOW_CANCELLATION: 'PT48H' }, 'WINDOW_CANCELLATION'],
    [
      'WEBHOOK_ENCRYPTON_KEY',
      { WEBHOOK_ENCRYPTION_KEY: Buffer.alloc(32).toString('base64') },
      'WEBHOOK_ENCRYPTION_KEY',
    ],
    ['REDIS_URI', { REDIS_URL: 'redis://localhost' }, 'REDIS_URL'],
  ])('is refused for its prefix also where the right one is set: %s', (name, right, meant) => {
    expect(() => readConfig({ ...right, [name]: 'x' })).toThrow(
      `${name} is not a variable of the service; ${meant} is`,
    );
  });

  test('counts as a variable of another program where ours has a part behind it, or where its name is short', () => {
    const url = 'postgres://localhost/rc';
    expect(readConfig({ DATABASE_URL_2: 'x', DATABASE_URL: url, REMINDER: 'x', REMINDERS: 'none' }).DATABASE_URL).toBe(
      url,
    );
    expect(readConfig({ PROXY_HOST: 'proxy.example' }).PROXY_HOPS).toBe(0);
    expect(readConfig({ HOSTS: 'x', POST: 'x', REDIS_PORT: 'tcp://10.0.0.1:6379', ROLES: 'x' }).PORT).toBe(3000);
  });
});

test('a name that resembles a short one of ours is told, and refuses nothing', () => {
  const found = resemblingShortNames({
    PORTT: '1',
    ROL: 'worker',
    MODEE: 'live',
    HOSTT: 'x',
    PORT: '1',
    NODE_ENV: 'x',
  });
  expect(found.map(({ name, meant }) => [name, meant])).toEqual([
    ['PORTT', 'PORT'],
    ['ROL', 'ROLE'],
    ['MODEE', 'MODE'],
    ['HOSTT', 'HOST'],
  ]);
  const ofOthers = { HOME: '/root', PATH: '/bin', USER: 'root', TERM: 'dumb', NODE: '/usr/bin/node' };
  expect(resemblingShortNames({ ROL: '', ...ofOthers })).toEqual([]);
});

describe('a process that serves in production', () => {
  const servers = { DATABASE_URL: 'postgres://localhost/rc', REDIS_URL: 'redis://localhost' };

  test.each(['DATABASE_URL', 'REDIS_URL'])('is refused without %s', (name) => {
    const line = `${name} must be set when NODE_ENV is production: there is no embedded server there`;
    expect(() => readServiceConfig({ ...production, ...servers, [name]: '' })).toThrow(line);
    expect(readServiceConfig({ ...production, ...servers }).NODE_ENV).toBe('production');
  });

  test('needs neither to be set on a machine of a developer', () => {
    expect(readServiceConfig({}).REDIS_URL).toBeUndefined();
  });
});
