import { SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAuthenticator } from '../../../src/http/auth/authenticate.ts';
import { ISSUER_KEYS } from '../../../src/http/auth/issuer-keys.ts';
import type { RefusalReason } from '../../../src/http/auth/token-refusal.ts';
import { CLIENT, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { ALGORITHMS, AUDIENCE, ISSUER, type Issuer, inSeconds, makeKeyPair, sign, startIssuer } from './issuer.ts';

const KEYS_EVENTS = { onKeysFetched: () => {}, onKeysUnavailable: () => {} };

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

  const attacks: readonly (readonly [string, RefusalReason, () => Promise<string>])[] = [
    [
      'none',
      'algorithm_not_allowed',
      async () => `${base64url({ alg: 'none' })}.${base64url({ sub: CLIENT, exp: inSeconds(60) })}.`,
    ],
    [
      'none, in other letters, under a good signature',
      'algorithm_not_allowed',
      async () => swapHeader(await sign(issuer.keys.RS256, { sub: CLIENT }), { alg: 'nOnE', kid: 'key-of-RS256' }),
    ],
    ...ALGORITHMS.map(
      (alg) =>
        [
          `HS256 with the public key of ${alg} as the secret`,
          'algorithm_not_allowed',
          () =>
            new SignJWT({ sub: CLIENT, iss: ISSUER, aud: AUDIENCE, exp: inSeconds(60) })
              .setProtectedHeader({ alg: 'HS256', kid: issuer.keys[alg].kid })
              .sign(new TextEncoder().encode(issuer.keys[alg].pem)),
        ] as const,
    ),
    ['a key of its own in the header', 'unknown_key', () => signWithOwnKey({})],
    [
      'a key set of its own named in the header',
      'unknown_key',
      () => signWithOwnKey({ jku: 'https://evil.example/jwks.json' }),
    ],
    ['the id of a known key, and another key', 'bad_signature', () => signWithOwnKey({ kid: 'key-of-ES256' })],
    ['an id of a key that climbs', 'unknown_key', () => signWithOwnKey({ kid: '../../../../dev/null' })],
    [
      'another algorithm than the key is for',
      'unknown_key',
      () => sign(issuer.keys.RS256, { sub: CLIENT }, { kid: 'key-of-ES256' }),
    ],
    ['an extension that must be understood', 'unknown_crit', async () => unknownExtension()],
    ['a payload that is an array', 'malformed', async () => signedPayload([{ sub: CLIENT, exp: inSeconds(60) }])],
    ['a payload that is a text', 'malformed', async () => signedPayload(CLIENT)],
    ['no exp', 'missing_claim', () => sign(issuer.keys.ES256, { sub: CLIENT, exp: undefined })],
    [
      'an exp that is a text',
      'invalid_claim',
      () => sign(issuer.keys.ES256, { sub: CLIENT, exp: String(inSeconds(60)) }),
    ],
    ['an exp that has passed', 'expired', () => sign(issuer.keys.ES256, { sub: CLIENT, exp: inSeconds(-7) })],
    ['an nbf that lies ahead', 'not_yet_valid', () => sign(issuer.keys.ES256, { sub: CLIENT, nbf: inSeconds(30) })],
    ['no sub', 'missing_claim', () => sign(issuer.keys.ES256, {})],
    ['a sub that is a list', 'invalid_user_id', () => sign(issuer.keys.ES256, { sub: [CLIENT] })],
    ['no iss', 'missing_claim', () => sign(issuer.keys.ES256, { sub: CLIENT, iss: undefined })],
    ['another iss', 'wrong_issuer', () => sign(issuer.keys.ES256, { sub: CLIENT, iss: 'https://evil.example' })],
    ['no aud', 'missing_claim', () => sign(issuer.keys.ES256, { sub: CLIENT, aud: undefined })],
    ['another aud', 'wrong_audience', () => sign(issuer.keys.ES256, { sub: CLIENT, aud: ['shop', 'mail'] })],
    [
      'a scope that is an object',
      'invalid_claim',
      () => sign(issuer.keys.ES256, { sub: CLIENT, scope: { ops: true } }),
    ],
    ['a scope that is a number', 'invalid_claim', () => sign(issuer.keys.ES256, { sub: CLIENT, scope: 1 })],
    [
      'a list of scopes with more than text',
      'invalid_claim',
      () => sign(issuer.keys.ES256, { sub: CLIENT, scp: ['ops', 1] }),
    ],
    ['a sub with a space', 'invalid_user_id', () => sign(issuer.keys.ES256, { sub: 'user 7' })],
    ['no JWT', 'malformed', async () => 'ya29.a0AfH6SMBx-opaque'],
    ['quotes and line feeds', 'malformed', async () => 'x", error="none\\'],
    [
      'a changed payload',
      'bad_signature',
      async () => (await sign(issuer.keys.EdDSA, { sub: 'user-8' })).replace(/\.\w/, '.f'),
    ],
    [
      'a signature cut short',
      'bad_signature',
      async () => (await sign(issuer.keys.EdDSA, { sub: CLIENT })).slice(0, -4),
    ],
    ['two tokens', 'malformed', async () => `${await sign(issuer.keys.ES256, { sub: CLIENT })}.${'x'.repeat(20)}`],
    ['an encrypted token', 'encrypted', async () => 'eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.AA.AA.AA'],
  ];

  test.each(attacks)('a token is refused with 401: %s (%s)', async (_what, reason, attack) => {
    const refused = await read(await attack());
    expect(refused).toMatchObject({ status: 401, code: 'unauthenticated' });
    const told = /^Bearer error="invalid_token", error_description="([ !#-[\]-~]+)"$/.exec(
      refused.headers['www-authenticate'] ?? '',
    );
    expect(told?.[1]).toBe(refused.problem.detail);
    expect(
      service.log
        .lines()
        .filter((line) => line['msg'] === 'answered')
        .at(-1),
    ).toMatchObject({ refused: reason });
  });

  test('a storm of unknown key ids costs the issuer one fetch', async () => {
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

test('without any key no token is accepted, and the answer says that the token is not the cause', async () => {
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
  expect(down.fetches()).toBeLessThanOrEqual(3);
  expect((await fresh.app.inject('/metrics')).body).toMatch(/^issuer_keys_up 0$/m);
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

describe('clocks may differ by five seconds, and no more', () => {
  const secret = 'a secret of at least thirty-two bytes';
  const rules = { issuer: null, audiences: [], userClaim: 'sub', scopeClaims: ['scope'], scopePrefix: '' };
  const now = Math.floor(Date.now() / 1_000) * 1_000;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function bearer(claims: Record<string, unknown>) {
    const { authenticate } = createAuthenticator({ keys: { secrets: [secret] }, rules, ...KEYS_EVENTS });
    const token = new SignJWT({ sub: CLIENT, ...claims }).setProtectedHeader({ alg: 'HS256' });
    const authorization = `Bearer ${await token.sign(new TextEncoder().encode(secret))}`;
    return async (ms: number) => {
      vi.setSystemTime(ms);
      return await authenticate(authorization);
    };
  }

  test('a token that was good once is good until five seconds after its exp, and not beyond', async () => {
    const at = await bearer({ exp: now / 1_000 + 10 });
    for (const ms of [0, 9_999, 14_999]) expect(await at(now + ms)).toMatchObject({ caller: { id: CLIENT } });
    expect(await at(now + 15_000)).toMatchObject({ caller: null, refusal: { reason: 'expired' } });
  });

  test('a token is good from five seconds before its nbf, whatever its iat', async () => {
    const at = await bearer({ nbf: now / 1_000 + 10, iat: now / 1_000 + 30, exp: now / 1_000 + 60 });
    expect(await at(now + 4_999)).toMatchObject({ caller: null, refusal: { reason: 'not_yet_valid' } });
    expect(await at(now + 5_000)).toMatchObject({ caller: { kind: 'user', id: CLIENT } });
  });
});

test('while a secret is rotated, tokens by the new and by the previous one are good, and no others', async () => {
  const [next, previous, other] = ['next', 'previous', 'other'].map((name) => name.padEnd(32, '.'));
  const rules = { issuer: null, audiences: [], userClaim: 'sub', scopeClaims: ['scope'], scopePrefix: '' };
  const { authenticate } = createAuthenticator({
    keys: { secrets: [next ?? '', previous ?? ''] },
    rules,
    ...KEYS_EVENTS,
  });
  const signedBy = async (secret = '', exp = inSeconds(60)) => {
    const token = new SignJWT({ sub: CLIENT, exp }).setProtectedHeader({ alg: 'HS256' });
    return await authenticate(`Bearer ${await token.sign(new TextEncoder().encode(secret))}`);
  };
  for (const secret of [next, previous]) expect(await signedBy(secret)).toMatchObject({ caller: { id: CLIENT } });
  expect(await signedBy(other)).toMatchObject({ caller: null, refusal: { reason: 'bad_signature' } });
  expect(await signedBy(previous, inSeconds(-60))).toMatchObject({ caller: null, refusal: { reason: 'expired' } });
});

test('a token that was verified is verified again when the issuer has changed its keys', async () => {
  const other = await startIssuer();
  const rules = { issuer: null, audiences: [], userClaim: 'sub', scopeClaims: ['scope'], scopePrefix: '' };
  const issuerKeys = { ...ISSUER_KEYS, maxAgeMs: 0, cooldownMs: 0 };
  const keys = { jwksUrl: other.url };
  const { authenticate } = createAuthenticator({ keys, rules, issuerKeys, ...KEYS_EVENTS });
  const [old, kept] = [await sign(other.keys.ES256, { sub: CLIENT }), await sign(other.keys.RS256, { sub: CLIENT })];
  expect(await authenticate(`Bearer ${old}`)).toMatchObject({ caller: { id: CLIENT } });
  other.withdraw('key-of-ES256');
  expect(await authenticate(`Bearer ${kept}`)).toMatchObject({ caller: { id: CLIENT } });
  expect(await authenticate(`Bearer ${old}`)).toMatchObject({ caller: null, refusal: { reason: 'unknown_key' } });
});
