import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/platform/config.ts';

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

test.each([['short'], [`${KEY},short`], [`${KEY},`], [`${KEY}AAAA`]])('%s is no key to encrypt with', (text) => {
  expect(() => readConfig({ WEBHOOK_ENCRYPTION_KEY: text })).toThrow('WEBHOOK_ENCRYPTION_KEY must be 32 random bytes');
});

test('several keys to encrypt with are read in their order', () => {
  const other = Buffer.alloc(32, 2).toString('base64');
  const keys = readConfig({ WEBHOOK_ENCRYPTION_KEY: `${other}, ${KEY}` }).WEBHOOK_ENCRYPTION_KEY;
  expect(keys?.map((key) => key[0])).toEqual([2, 1]);
});

test.each([
  ['redis://node:6379/0?cluster=true', true],
  ['redis://node:6379?cluster=true&nodes=other:6379', true],
  ['redis://node:6379/3', true],
  ['redis://node:6379/3?cluster=true', false],
  ['redis://node:6379?cluster=true&master=mymaster', false],
])('%s may be where Redis is: %p', (url, isFine) => {
  const read = () => readConfig({ REDIS_URL: url });
  if (isFine) expect(read().REDIS_URL).toBe(url);
  else expect(read).toThrow('REDIS_URL must name no database but 0');
});
