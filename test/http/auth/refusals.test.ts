import { beforeAll, describe, expect, test, vi } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { type Service, startService } from '../../harness/service.ts';

let service: Service;
let passed = 0;

beforeAll(async () => {
  service = await startService();
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + passed);
});

const knock = (token: string) => service.withAuthorization(`Bearer ${token}`).get('/v1/disputes');
const warnings = (reason: string) =>
  service.log.lines().filter((line) => line['reason'] === reason && line.msg?.startsWith('a token was refused'));
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsigned = (header: object, claims: object) => `${base64url(header)}.${base64url(claims)}.AAAA`;

describe('a client that keeps sending a bad token', () => {
  test('writes a line in ten seconds, each of its requests says why, and the metric counts them all', async () => {
    const wrong = await mintToken('another secret of thirty-two bytes and more', { sub: 'user-7' });
    for (let count = 0; count < 20; count += 1) expect((await knock(wrong)).status).toBe(401);
    expect(warnings('bad_signature')).toHaveLength(1);
    const answered = service.log
      .lines()
      .filter((line) => line.msg === 'answered' && line['refused'] === 'bad_signature');
    expect(answered).toHaveLength(20);
    passed += 10_000;
    await knock(wrong);
    expect(warnings('bad_signature')).toHaveLength(2);
    expect(warnings('bad_signature').at(-1)).toMatchObject({ unwritten: 19 });
    const { body } = await service.app.inject('/metrics');
    expect(body).toContain('auth_failures_total{reason="bad_signature"} 21');
    expect(body).toContain('auth_failures_total{reason="expired"} 0');
  });

  test('does not keep the reason of another out of the log', async () => {
    await knock(unsigned({ alg: 'none' }, {}));
    expect(warnings('algorithm_not_allowed')).toHaveLength(1);
  });
});

test('a request without a token counts, too, is said so in its line, and writes none of its own', async () => {
  const failures = async () =>
    Number(/auth_failures_total\{reason="no_token"\} (\d+)/.exec((await service.app.inject('/metrics')).body)?.[1]);
  const before = await failures();
  expect((await service.withAuthorization(null).get('/v1/disputes')).status).toBe(401);
  expect((await service.withAuthorization('Basic dXNlci03Og==').get('/v1/disputes')).status).toBe(401);
  expect(await failures()).toBe(before + 2);
  const lines = service.log.lines().filter((line) => line['refused'] === 'no_token');
  expect(lines.map(({ msg, status }) => [msg, status])).toEqual([
    ['answered', 401],
    ['answered', 401],
  ]);
});

describe('what a token says of itself', () => {
  test('is in the log, cut off and on one line, and in no header', async () => {
    passed += 10_000;
    const evil = 'evil", error="none\r\nSet-Cookie: a=b';
    const long = 'x'.repeat(5_000);
    const refused = await knock(unsigned({ alg: 'none', kid: evil }, { iss: evil, aud: [long, long] }));
    expect(refused.headers['www-authenticate']).toBe(
      'Bearer error="invalid_token", error_description="The token must be signed by HS256."',
    );
    const line = warnings('algorithm_not_allowed').at(-1);
    expect(line?.['token']).toEqual({ alg: 'none', kid: evil, iss: evil, aud: expect.stringMatching(/^.{200}$/) });
    expect(service.log.text()).not.toContain('\r\nSet-Cookie');
  });

  test('tells what it needs to be understood: a critical parameter, a client in the place of an audience, a nonce', async () => {
    passed += 10_000;
    const wrong = base64url('no signature');
    const critical = `${base64url({ alg: 'HS256', typ: 'at+jwt', crit: ['exp'], exp: 1 })}.${base64url({})}.${wrong}`;
    expect((await knock(critical)).problem.detail).toMatch(/critical header parameter \(crit\)/);
    expect(warnings('unknown_crit').at(-1)).toMatchObject({ token: { typ: 'at+jwt', crit: '["exp"]' } });
    const graph = `${base64url({ alg: 'HS256', nonce: 'abc' })}.${base64url({ client_id: 'shop' })}.${wrong}`;
    expect((await knock(graph)).problem.detail).toMatch(/wrong\..*Microsoft Graph, with a nonce/);
    expect(warnings('bad_signature').at(-1)).toMatchObject({ token: { client_id: 'shop', nonce: true } });
  });

  test.each([
    ['no JWT', 'user-7'],
    ['three dots', '...'],
    ['an object for an algorithm', unsigned({ alg: { a: 1 } }, {})],
    ['claims that are no JSON', `${base64url({ alg: 'HS256' })}.AAAA.AAAA`],
    ['letters beyond ASCII', 'añá.b.c'],
    ['nothing but spaces', '   '],
  ])('is left out where it cannot be read: %s', async (_what, token) => {
    expect((await knock(token)).status).toBe(401);
  });

  test('is never the token itself', async () => {
    const token = await mintToken(TEST_SECRET.toUpperCase(), { sub: 'user-7' });
    await knock(token);
    expect(service.log.text()).not.toContain(token.split('.')[2]);
  });
});
