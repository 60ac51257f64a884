import { jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { createIssuerKeys, ISSUER_KEYS } from '../../../src/http/auth/issuer-keys.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { DISCOVERY, type Issuer, sign, startIssuer } from './issuer.ts';

async function discover(issuer: Issuer, name = issuer.base, options = {}) {
  const failures: string[] = [];
  const events = {
    onFetched: () => {},
    onFailure: (error: unknown) => failures.push(String(error)),
    onNewKeys: () => {},
  };
  const { find, close } = createIssuerKeys({ issuer: name }, events, { ...ISSUER_KEYS, ...options });
  onCleanup(async () => close());
  const token = await sign(issuer.keys.RS256, { sub: 'user-7' });
  const verify = () => jwtVerify(token, find).then(({ payload }) => payload.sub);
  return { verify, failures };
}

describe('the keys of AUTH_ISSUER are found', () => {
  test.each(['', '/', '/realms/shop', '/tenant/'])('behind the path "%s", and looked up once', async (path) => {
    const issuer = await startIssuer(path);
    const { verify } = await discover(issuer);
    expect(await Promise.all([verify(), verify()])).toEqual(['user-7', 'user-7']);
    expect([issuer.discoveries(), issuer.fetches()]).toEqual([1, 1]);
  });

  test('when the issuer comes up later than the service', async () => {
    const issuer = await startIssuer();
    issuer.become('failing');
    const { verify, failures } = await discover(issuer, issuer.base, { firstCooldownMs: 0 });
    await expect(verify()).rejects.toThrow('unavailable');
    expect(failures).toEqual([expect.stringContaining('answered 500')]);
    issuer.become('up');
    expect(await verify()).toBe('user-7');
  });

  test('where they were, while the discovery document is gone', async () => {
    const issuer = await startIssuer();
    const { verify, failures } = await discover(issuer, issuer.base, {
      rediscoverAfterMs: 0,
      maxAgeMs: 0,
      cooldownMs: 0,
    });
    await verify();
    issuer.answer(DISCOVERY, 404, '{}');
    expect(await verify()).toBe('user-7');
    expect([issuer.fetches(), failures.length]).toEqual([2, 1]);
  });
});

describe('no token is believed, and the log says what to set, where the discovery document', () => {
  const cases: readonly (readonly [string, (issuer: Issuer) => { status?: number; body: string }, RegExp])[] = [
    [
      'is of another issuer',
      ({ url }) => ({ body: JSON.stringify({ issuer: 'https://evil.example', jwks_uri: url }) }),
      /AUTH_ISSUER is http\S+, and http\S+ is of the issuer https:\/\/evil\.example: set AUTH_ISSUER to exactly that/,
    ],
    [
      'differs by a trailing slash',
      ({ base, url }) => ({ body: JSON.stringify({ issuer: `${base}/`, jwks_uri: url }) }),
      /set AUTH_ISSUER to exactly that/,
    ],
    ['names no keys', ({ base }) => ({ body: JSON.stringify({ issuer: base }) }), /set AUTH_JWKS_URL/],
    [
      'names keys without TLS',
      ({ base }) => ({ body: JSON.stringify({ issuer: base, jwks_uri: 'http://keys.example/jwks' }) }),
      /http:\/\/keys\.example\/jwks, which is not https: set AUTH_JWKS_URL/,
    ],
    [
      'names keys in a file',
      ({ base }) => ({ body: JSON.stringify({ issuer: base, jwks_uri: 'file:///etc/passwd' }) }),
      /which is not https/,
    ],
    ['is missing', () => ({ status: 404, body: '{}' }), /answered 404: check AUTH_ISSUER/],
    ['is a page', () => ({ body: '<html>' }), /did not answer with JSON: check AUTH_ISSUER/],
    ['is a redirect', () => ({ status: 301, body: '' }), /answered 301: check AUTH_ISSUER/],
  ];

  test.each(cases)('%s', async (_what, answerOf, message) => {
    const issuer = await startIssuer();
    const { status = 200, body } = answerOf(issuer);
    issuer.answer(DISCOVERY, status, body);
    const { verify, failures } = await discover(issuer);
    await expect(verify()).rejects.toThrow('unavailable');
    expect(failures).toEqual([expect.stringMatching(message)]);
    expect(failures[0]).toMatch(/^WrongIssuer/);
  });
});
