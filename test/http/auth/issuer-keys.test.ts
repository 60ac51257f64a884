import { type JWTVerifyGetKey, jwtVerify } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  createIssuerKeys,
  ISSUER_KEYS,
  type IssuerKeys,
  type IssuerKeysEvents,
  type IssuerKeysOptions,
} from '../../../src/http/auth/issuer-keys.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type Issuer, makeKeyPair, sign, startIssuer } from './issuer.ts';

let issuer: Issuer;
let passed = 0;
const now = performance.now.bind(performance);

/** Moves the clock by which the age of keys is measured. */
function letTimePass(ms: number): void {
  passed += ms;
}

beforeAll(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => now() + passed);
});
let failures: string[] = [];
let made: IssuerKeys[] = [];

beforeEach(async () => {
  issuer = await startIssuer();
  failures = [];
});

afterEach(() => {
  for (const keys of made) keys.close();
  made = [];
});

const keysWith = (options: Partial<IssuerKeysOptions>) => makeKeys({ ...ISSUER_KEYS, ...options }).find;

/** Keys that ask their issuer no more when the test ends. */
function makeKeys(options: IssuerKeysOptions, more: Partial<IssuerKeysEvents> = {}): IssuerKeys {
  const told = failures; // of this test: a fetch may fail when the next has begun
  const onFailure = (error: unknown) => told.push(String(error));
  const events = { onFetched: () => {}, onFailure, onNewKeys: () => {}, ...more };
  const keys = createIssuerKeys({ jwksUrl: issuer.url }, events, options);
  made.push(keys);
  return keys;
}

async function verify(keys: JWTVerifyGetKey): Promise<string | undefined> {
  const token = await sign(issuer.keys.ES256, { sub: 'user-7' });
  return (await jwtVerify(token, keys, { algorithms: ['ES256'] })).payload.sub;
}

describe('the keys of an issuer', () => {
  test('are fetched once for all that ask at first, and then serve from memory', async () => {
    const keys = keysWith({});
    await Promise.all(Array.from({ length: 20 }, () => verify(keys)));
    expect(await verify(keys)).toBe('user-7');
    expect(issuer.fetches()).toBe(1);
  });

  test('are fetched anew beside the requests before they are old', async () => {
    const keys = keysWith({ refreshAfterMs: 0, cooldownMs: 0 });
    await verify(keys);
    issuer.become('silent');
    expect(await verify(keys)).toBe('user-7'); // it does not wait for the fetch that goes nowhere
    await waitFor('the second fetch', () => issuer.fetches() === 2);
  });

  test('serve on when they are old and the issuer is down, and one request waits for it', async () => {
    const keys = keysWith({ cooldownMs: 0 });
    await verify(keys);
    issuer.become('silent');
    letTimePass(ISSUER_KEYS.maxAgeMs);
    for (let count = 0; count < 6; count += 1) expect(await verify(keys)).toBe('user-7');
    // Each request that waits ends with a failed fetch.
    expect(failures.length).toBeGreaterThanOrEqual(1);
    expect(failures.length).toBeLessThan(6);
  });

  test('are not asked for during the cool-down of the last fetch', async () => {
    const keys = keysWith({ refreshAfterMs: 0, maxAgeMs: 0 });
    await verify(keys);
    for (let count = 0; count < 5; count += 1) expect(await verify(keys)).toBe('user-7');
    expect(issuer.fetches()).toBe(1);
  });

  test('serve no more when the issuer has not confirmed them for too long', async () => {
    const keys = keysWith({ giveUpAfterMs: 0, firstCooldownMs: 0 });
    await expect(verify(keys)).rejects.toThrow('unavailable');
  });

  test('are fetched again for an id that is new, once the cool-down is over', async () => {
    const keys = keysWith({ cooldownMs: 0 });
    await verify(keys);
    const rotated = await makeKeyPair('rotated', 'ES256');
    issuer.publish(rotated);
    const { payload } = await jwtVerify(await sign(rotated, { sub: 'user-8' }), keys, { algorithms: ['ES256'] });
    expect([payload.sub, issuer.fetches()]).toEqual(['user-8', 2]);
  });

  test('are believed no longer than their age allows once the issuer has withdrawn them', async () => {
    const keys = keysWith({ cooldownMs: 0 });
    await verify(keys);
    issuer.withdraw('key-of-ES256');
    expect(await verify(keys)).toBe('user-7'); // confirmed a moment ago
    letTimePass(ISSUER_KEYS.maxAgeMs);
    await expect(verify(keys)).rejects.toThrow('no applicable key');
  });

  test('are believed while the issuer is down, and for no longer than an hour', async () => {
    const keys = keysWith({});
    await verify(keys);
    issuer.withdraw('key-of-ES256');
    issuer.become('failing');
    letTimePass(ISSUER_KEYS.giveUpAfterMs - 1_000);
    expect(await verify(keys)).toBe('user-7');
    letTimePass(60_000);
    await expect(verify(keys)).rejects.toThrow('unavailable');
    issuer.become('up');
    letTimePass(ISSUER_KEYS.cooldownMs);
    await expect(verify(keys)).rejects.toThrow('no applicable key');
  });

  test('of an issuer that is back are asked for before a key that was withdrawn meanwhile is believed again', async () => {
    const keys = keysWith({});
    await verify(keys);
    issuer.become('failing');
    letTimePass(ISSUER_KEYS.maxAgeMs);
    expect(await verify(keys)).toBe('user-7');
    issuer.become('up');
    issuer.withdraw('key-of-ES256');
    letTimePass(ISSUER_KEYS.maxAgeMs);
    await expect(verify(keys)).rejects.toThrow('no applicable key');
  });

  test('are announced when they are others, and not when they are the same', async () => {
    let announced = 0;
    const onNewKeys = () => {
      announced += 1;
    };
    const options = { ...ISSUER_KEYS, cooldownMs: 0 };
    const { find } = makeKeys(options, { onNewKeys });
    await verify(find);
    letTimePass(ISSUER_KEYS.maxAgeMs);
    await verify(find);
    expect(announced).toBe(0);
    issuer.withdraw('key-of-RS256');
    letTimePass(ISSUER_KEYS.maxAgeMs);
    await verify(find);
    expect([announced, issuer.fetches()]).toEqual([1, 3]);
  });

  test('are tried again in the background after an outage, without a request', async () => {
    const keys = keysWith({ cooldownMs: 20 });
    await verify(keys);
    issuer.become('failing');
    letTimePass(ISSUER_KEYS.maxAgeMs);
    expect(await verify(keys)).toBe('user-7');
    const before = issuer.fetches();
    await waitFor('two more attempts', () => issuer.fetches() >= before + 2);
  });

  test('are fetched in the background until they are there', async () => {
    issuer.become('failing');
    const options = { ...ISSUER_KEYS, firstCooldownMs: 10 };
    const { find, prefetch } = makeKeys(options);
    prefetch();
    await waitFor('two attempts have failed', () => failures.length >= 2);
    issuer.become('up');
    const before = issuer.fetches();
    await waitFor('another attempt', () => issuer.fetches() > before);
    expect(await verify(find)).toBe('user-7');
  });

  test.each([
    ['an answer that is no JSON', 200, '<html>', /did not answer with JSON: check AUTH_JWKS_URL/],
    ['an answer that is no set of keys', 200, '{"keys":{}}', /not a set of keys: check AUTH_JWKS_URL/],
    ['another address', 404, '{}', /answered 404: check AUTH_JWKS_URL/],
    ['a redirect', 302, '', /answered 302: check AUTH_JWKS_URL/],
    ['an answer without end', 200, ' '.repeat(300_000), /more than 262144 bytes/],
  ])('are not there, and the log says what to check: %s', async (_what, status, body, message) => {
    issuer.answer('/jwks.json', status, body);
    await expect(verify(keysWith({}))).rejects.toThrow('unavailable');
    expect(failures).toEqual([expect.stringMatching(message)]);
  });
});
