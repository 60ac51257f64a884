import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { SignJWT } from 'jose';
import { createAuthenticator } from '../../src/http/auth.ts';
import { CLIENT, seedDispute, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { ALGORITHMS, AUDIENCE, ISSUER, type Issuer, inSeconds, makeKeyPair, sign, startIssuer } from './issuer.ts';

let issuer: Issuer;
let service: Service;
let orderId: string;

beforeAll(async () => {
  issuer = await startIssuer();
  const withSecret = await startService();
  orderId = (await seedOrder(withSecret)).id;
  await seedDispute(withSecret, 'cancellation', { orderId });
  const env = { AUTH_SECRET: '', AUTH_JWKS_URL: issuer.url, AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE };
  service = await startService({ database: withSecret.database, env });
});

const read = (token: string) => service.withAuthorization(`Bearer ${token}`).get(`/v1/orders/${orderId}`);
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const swapHeader = (token: string, header: object) => [base64url(header), ...token.split('.').slice(1)].join('.');

describe('with the keys of an issuer', () => {
  test.each(ALGORITHMS)('a token signed by %s is good', async (alg) => {
    expect((await read(await sign(issuer.keys[alg], { sub: CLIENT }))).status).toBe(200);
  });

  const attacks: readonly (readonly [string, () => Promise<string>])[] = [
    ['none', async () => `${base64url({ alg: 'none' })}.${base64url({ sub: CLIENT, exp: inSeconds(60) })}.`],
    [
      'none, in other letters, under a good signature',
      async () => swapHeader(await sign(issuer.keys.RS256, { sub: CLIENT }), { alg: 'nOnE', kid: 'key-of-RS256' }),
    ],
    ...ALGORITHMS.map(
      (alg) =>
        [
          `HS256 with the public key of ${alg} as the secret`,
          () =>
            new SignJWT({ sub: CLIENT, iss: ISSUER, aud: AUDIENCE, exp: inSeconds(60) })
              .setProtectedHeader({ alg: 'HS256', kid: issuer.keys[alg].kid })
              .sign(new TextEncoder().encode(issuer.keys[alg].pem)),
        ] as const,
    ),
    ['a key of its own in the header', () => signWithOwnKey({})],
    ['a key set of its own named in the header', () => signWithOwnKey({ jku: 'https://evil.example/jwks.json' })],
    ['the id of a known key, and another key', () => signWithOwnKey({ kid: 'key-of-ES256' })],
    ['an id of a key that climbs', () => signWithOwnKey({ kid: '../../../../dev/null' })],
    ['another algorithm than the key is for', () => sign(issuer.keys.RS256, { sub: CLIENT }, { kid: 'key-of-ES256' })],
    ['an extension that must be understood', async () => unknownExtension()],
    ['a payload that is an array', async () => signedPayload([{ sub: CLIENT, exp: inSeconds(60) }])],
    ['a payload that is a text', async () => signedPayload(CLIENT)],
    ['no exp', () => sign(issuer.keys.ES256, { sub: CLIENT, exp: undefined })],
    ['an exp that is a text', () => sign(issuer.keys.ES256, { sub: CLIENT, exp: String(inSeconds(60)) })],
    ['an exp that has passed', () => sign(issuer.keys.ES256, { sub: CLIENT, exp: inSeconds(-1) })],
    ['an nbf that lies ahead', () => sign(issuer.keys.ES256, { sub: CLIENT, nbf: inSeconds(30) })],
    ['no sub', () => sign(issuer.keys.ES256, {})],
    ['a sub that is a list', () => sign(issuer.keys.ES256, { sub: [CLIENT] })],
    ['no iss', () => sign(issuer.keys.ES256, { sub: CLIENT, iss: undefined })],
    ['another iss', () => sign(issuer.keys.ES256, { sub: CLIENT, iss: 'https://evil.example' })],
    ['no aud', () => sign(issuer.keys.ES256, { sub: CLIENT, aud: undefined })],
    ['another aud', () => sign(issuer.keys.ES256, { sub: CLIENT, aud: ['shop', 'mail'] })],
    ['a scope that is a list', () => sign(issuer.keys.ES256, { sub: CLIENT, scope: ['ops'] })],
    ['a changed payload', async () => (await sign(issuer.keys.EdDSA, { sub: 'user-8' })).replace(/\.\w/, '.f')],
    ['a signature cut short', async () => (await sign(issuer.keys.EdDSA, { sub: CLIENT })).slice(0, -4)],
    ['two tokens', async () => `${await sign(issuer.keys.ES256, { sub: CLIENT })}.${'x'.repeat(20)}`],
    ['an encrypted token', async () => 'eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.AA.AA.AA'],
  ];

  test.each(attacks)('a token is refused with 401: %s', async (_what, attack) => {
    const refused = await read(await attack());
    expect(refused).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  test('a storm of key ids that nobody knows costs the issuer one fetch', async () => {
    const before = issuer.fetches();
    const storm = Array.from({ length: 300 }, (_, index) => signWithOwnKey({ kid: `unknown-${index}` }));
    const statuses = await Promise.all((await Promise.all(storm)).map(async (token) => (await read(token)).status));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(issuer.fetches() - before).toBeLessThanOrEqual(1);
  });

  test('good tokens are served while the issuer is down', async () => {
    for (const mode of ['failing', 'silent'] as const) {
      issuer.become(mode);
      expect((await read(await sign(issuer.keys.ES256, { sub: CLIENT }))).status).toBe(200);
    }
    issuer.become('up');
  });
});

test('while there are no keys at all nobody gets in, and it is said that this is not the token’s fault', async () => {
  const down = await startIssuer();
  down.become('failing');
  const env = { AUTH_SECRET: '', AUTH_JWKS_URL: down.url };
  const fresh = await startService({ database: service.database, env });
  const token = await sign(down.keys.ES256, { sub: CLIENT });
  const ask = () => fresh.withAuthorization(`Bearer ${token}`).get(`/v1/orders/${orderId}`);
  const refused = await ask();
  expect(refused).toMatchObject({ status: 503, code: 'unavailable' });
  expect(refused.headers['retry-after']).toBe('1');
  await Promise.all(Array.from({ length: 50 }, ask));
  expect(down.fetches()).toBeLessThanOrEqual(2);
  expect(fresh.log.lines().filter(({ msg }) => msg === "the issuer's keys could not be fetched")).not.toEqual([]);
});

async function signWithOwnKey(header: object): Promise<string> {
  const own = await makeKeyPair('mine', 'ES256');
  return sign(own, { sub: CLIENT }, { jwk: own.jwk, ...header });
}

/** A good signature over any payload. */
async function signedPayload(payload: unknown): Promise<string> {
  const { CompactSign } = await import('jose');
  const { privateKey, kid } = issuer.keys.ES256;
  const bytes = new TextEncoder().encode(JSON.stringify(payload));
  return new CompactSign(bytes).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey);
}

async function unknownExtension(): Promise<string> {
  const { privateKey, kid } = issuer.keys.ES256;
  return new SignJWT({ sub: CLIENT, iss: ISSUER, aud: AUDIENCE, exp: inSeconds(60) })
    .setProtectedHeader({ alg: 'ES256', kid, crit: ['exp'], exp: 1 })
    .sign(privateKey, { crit: { exp: true } });
}

test('a token that was good once is good until its exp, and not beyond', async () => {
  const secret = 'a secret of at least thirty-two bytes';
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const token = await new SignJWT({ sub: CLIENT, exp: now / 1_000 + 10 })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret));
  const options = { secret, jwksUrl: null, issuer: null, audience: null, onKeysUnavailable: () => {} };
  const authenticate = createAuthenticator(options);
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'setTimeout'] });
  const at = (ms: number) => {
    jest.setSystemTime(ms);
    return authenticate(`Bearer ${token}`);
  };
  try {
    expect(await at(now)).toEqual({ kind: 'user', id: CLIENT });
    expect(await at(now + 9_999)).toEqual({ kind: 'user', id: CLIENT });
    expect(await at(now + 10_000)).toBeNull();
  } finally {
    jest.useRealTimers();
  }
});
