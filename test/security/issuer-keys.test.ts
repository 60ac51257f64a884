import { beforeEach, describe, expect, test } from '@jest/globals';
import { type JWTVerifyGetKey, jwtVerify } from 'jose';
import { createIssuerKeys, ISSUER_KEYS, type IssuerKeysOptions } from '../../src/http/issuer-keys.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type Issuer, makeKeyPair, sign, startIssuer } from './issuer.ts';

let issuer: Issuer;
let failures: string[];

beforeEach(async () => {
  issuer = await startIssuer();
  failures = [];
});

const keysWith = (options: Partial<IssuerKeysOptions>) =>
  createIssuerKeys(issuer.url, () => failures.push(issuer.url), { ...ISSUER_KEYS, ...options });

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

  test('serve on when they are old and the issuer is away, and nobody waits twice', async () => {
    const keys = keysWith({ refreshAfterMs: 0, maxAgeMs: 0, cooldownMs: 60_000, timeoutMs: 50 });
    await verify(keys);
    issuer.become('silent');
    for (let count = 0; count < 5; count += 1) expect(await verify(keys)).toBe('user-7');
    expect(issuer.fetches()).toBe(1); // the cool-down of the first fetch still lasts
    const impatient = keysWith({ refreshAfterMs: 0, maxAgeMs: 0, cooldownMs: 0, timeoutMs: 50 });
    issuer.become('up');
    await verify(impatient);
    issuer.become('silent');
    for (let count = 0; count < 5; count += 1) expect(await verify(impatient)).toBe('user-7');
    expect(failures).not.toEqual([]);
  });

  test('serve no more when nobody has confirmed them for too long', async () => {
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
});
