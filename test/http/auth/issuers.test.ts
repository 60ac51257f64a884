import { SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TestDatabase } from '../../harness/database.ts';
import { anOrderReport, newOrderId, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { type Issuer, inSeconds, sign, startIssuer } from './issuer.ts';
import { documentedIssuers, SHAPES } from './issuers.ts';

type Claims = Readonly<Record<string, unknown>>;

let issuer: Issuer;
let seeded: Service;

beforeAll(async () => {
  issuer = await startIssuer();
  seeded = await startService();
});

const documented = documentedIssuers();

test('each row of the table in the documentation is tested, and nothing else', () => {
  expect(documented.map(([name]) => name)).toEqual(Object.keys(SHAPES));
});

/** A service with the settings of a row; its issuer's keys are the test's. */
async function startWith(env: Record<string, string>, database: TestDatabase): Promise<Service> {
  const isByIssuer = !('AUTH_SECRET' in env);
  const keys: Record<string, string> = isByIssuer ? { AUTH_SECRET: '', AUTH_JWKS_URL: issuer.url } : {};
  return await startService({ database, env: { ...env, ...keys } });
}

async function tokenOf(claims: Claims, secret: string | undefined): Promise<string> {
  if (secret === undefined) return await sign(issuer.keys.RS256, claims);
  const token = new SignJWT({ ...claims, exp: inSeconds(60) }).setProtectedHeader({ alg: 'HS256' });
  return await token.sign(new TextEncoder().encode(secret));
}

describe.each(documented)('with the settings for %s', (name, env) => {
  const shape = SHAPES[name] ?? { users: [], service: null, program: null, refused: [] };
  const prefix = env['AUTH_SCOPE_PREFIX'] ?? '';
  const lacks = `Bearer error="insufficient_scope", scope="${prefix}orders:write"`;
  let service: Service;

  beforeAll(async () => {
    service = await startWith(env, seeded.database);
  });

  const bearer = async (token: Claims | string) => {
    const text = typeof token === 'string' ? token : await tokenOf(token, env['AUTH_SECRET']);
    return service.withAuthorization(`Bearer ${text}`);
  };
  const report = async (claims: Claims) =>
    (await bearer(claims)).put(`/v1/orders/${newOrderId()}`, anOrderReport({ clientId: 'auth0|7' }));

  test.each(shape.users)('%s is a user, who sees its own orders and reports none', async (id, claims) => {
    const { id: orderId } = await seedOrder(seeded, { clientId: id, freelancerId: 'another' });
    const user = await bearer(claims);
    expect((await user.get(`/v1/orders/${orderId}/resolution-center`)).status).toBe(200);
    const others = await seedOrder(seeded, { clientId: 'another', freelancerId: 'a-third' });
    expect((await user.get(`/v1/orders/${others.id}`)).status).toBe(404);
    const refused = await report(claims);
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([403, lacks]);
  });

  const { service: withScope, program, refused } = shape;
  if (withScope !== null) {
    test('a program with the scope is a service, which reports orders and nothing more', async () => {
      expect((await report(withScope)).status).toBe(201);
      expect((await (await bearer(withScope)).get('/v1/disputes')).status).toBe(403);
    });
  }
  if (program !== null) {
    test('a program without the scope is no user, and is told which scope it lacks', async () => {
      const answer = await report(program);
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([403, lacks]);
      expect((await (await bearer(program)).get('/v1/disputes')).status).toBe(403);
    });
  }

  test.each(refused)('%s is refused, with the reason in the answer and in the log', async (_what, token, reason) => {
    const answer = await (await bearer(token)).get('/v1/disputes');
    expect(answer).toMatchObject({ status: 401, code: 'unauthenticated' });
    const challenge = `Bearer error="invalid_token", error_description="${answer.problem.detail}"`;
    expect(answer.headers['www-authenticate']).toBe(challenge);
    const lines = service.log.lines().filter((line) => line['reason'] === reason);
    expect(lines.at(-1)?.msg).toBe(`a token was refused: ${answer.problem.detail}`);
  });
});
