import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ISSUER_KEYS } from '../../../src/http/auth/issuer-keys.ts';
import type { Clients } from '../../harness/client.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { anOrderReport, newOrderId } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type OidcIssuer, startOidcIssuer } from './oidc-client.ts';

const USER = 'ana+shop@example.org';
const AUDIENCE = 'https://rc.example.org';

let issuer: OidcIssuer;

beforeAll(async () => {
  issuer = await startOidcIssuer();
});

const environment = () => ({ AUTH_SECRET: '', AUTH_ISSUER: issuer.url, AUTH_AUDIENCE: AUDIENCE });
const bearer = (service: Clients, token: string) => service.withAuthorization(`Bearer ${token}`);

describe('a service that knows of its issuer nothing but AUTH_ISSUER', () => {
  let service: ServiceProcess;
  let orderId: string;

  beforeAll(async () => {
    service = await startProcess({ role: 'api', env: environment() });
    orderId = newOrderId();
  });

  test('lets a program with the scope report an order', async () => {
    const token = await issuer.programToken('order-service', 'orders:write');
    expect(decodeJwt(token)).toMatchObject({ iss: issuer.url, aud: AUDIENCE, sub: 'order-service' });
    const report = anOrderReport({ clientId: USER });
    expect((await bearer(service, token).put(`/v1/orders/${orderId}`, report)).status).toBe(201);
  });

  test('lets a person who has signed in act on it, and on no other', async () => {
    const token = await issuer.userToken(USER);
    expect(decodeJwt(token)).toMatchObject({ iss: issuer.url, aud: AUDIENCE, sub: USER, client_id: 'shop' });
    const user = bearer(service, token);
    const dispute = { type: 'cancellation', comment: 'Two weeks late.' };
    expect((await user.post(`/v1/orders/${orderId}/disputes`, dispute)).status).toBe(201);
    const stranger = bearer(service, await issuer.userToken('ben@example.org'));
    expect((await stranger.get(`/v1/orders/${orderId}`)).status).toBe(404);
  });

  test('tells a program without the scope what it lacks', async () => {
    const mailer = bearer(service, await issuer.programToken('mailer', 'mail:send'));
    const refused = await mailer.put(`/v1/orders/${orderId}`, anOrderReport());
    const challenge = 'Bearer error="insufficient_scope", scope="orders:write"';
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([403, challenge]);
    expect((await mailer.get('/v1/disputes')).status).toBe(403);
  });
});

test('an AUTH_ISSUER with a slash too many is told in the log at the start, before the first request', async () => {
  const env = { ...environment(), AUTH_ISSUER: `${issuer.url}/` };
  const service = await startProcess({ role: 'api', env });
  const line = await waitFor(
    'the log says so',
    () => /"level":50.*tokens cannot be checked: ([^"]+)/.exec(service.stdout())?.[1],
  );
  expect(line).toMatch(
    /^AUTH_ISSUER is \S+\/tenant\/, and \S+ is of the issuer \S+\/tenant: set AUTH_ISSUER to exactly that$/,
  );
  const token = await issuer.programToken('order-service', 'orders:write');
  expect((await bearer(service, token).get('/v1/disputes')).status).toBe(503);
});

describe('when the issuer changes its keys', () => {
  let service: Service;
  let passed = 0;

  beforeAll(async () => {
    service = await startService({ env: environment() });
    const clocks = [Date, performance] as const;
    for (const clock of clocks) {
      const now = clock.now.bind(clock);
      vi.spyOn(clock, 'now').mockImplementation(() => now() + passed);
    }
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });

  const ask = async (token: string) => bearer(service, token).get('/v1/disputes');
  const newToken = () => issuer.programToken('order-service', 'disputes:read');

  test('a new key counts as soon as a token names it, a withdrawn one no longer than two minutes', async () => {
    const old = await newToken();
    expect((await ask(old)).status).toBe(200);
    await issuer.change('rotate');
    passed += ISSUER_KEYS.cooldownMs;
    const rotated = await newToken();
    expect(decodeProtectedHeader(rotated).kid).not.toBe(decodeProtectedHeader(old).kid);
    expect([(await ask(rotated)).status, (await ask(old)).status]).toEqual([200, 200]);

    await issuer.change('withdraw');
    expect((await ask(old)).status).toBe(200);
    passed += 120_000;
    const refused = await ask(old);
    expect(refused.headers['www-authenticate']).toBe(
      'Bearer error="invalid_token", error_description="The issuer publishes no key that fits the token."',
    );
    expect((await ask(rotated)).status).toBe(200);
    expect((await service.app.inject('/metrics')).body).toMatch(/^issuer_keys_up 1$/m);
  });
});
