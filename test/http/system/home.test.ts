import { request as sendRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { anOrderReport } from '../../harness/seed.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Sends a request as it stands: `fetch` would write Host and Origin itself. */
async function send(url: string, method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const request = sendRequest(new URL(path, url), { method, headers }, (response) => {
      const { statusCode = 0 } = response;
      text(response).then((body) => resolve({ status: statusCode, headers: response.headers, body }), reject);
    });
    request.on('error', reject).end();
  });
}

const TOKENS = '/ui/sandbox-tokens';
const SHOP = 'https://shop.example';
// Not set: tokens are checked with the secret that a checkout makes for itself.
const DEVELOPMENT = { AUTH_SECRET: '', MODE: 'sandbox' };

const isPage = ({ status, headers }: Answer): boolean =>
  status === 200 && String(headers['content-type']).startsWith('text/html');

describe('the sandbox page of a service with the development secret at a loopback address', () => {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = await startProcess({ role: 'api', env: { ...DEVELOPMENT, CORS_ORIGINS: SHOP } });
  });

  const port = () => new URL(service.url).port;
  const mint = (headers: Record<string, string>, method = 'POST') => send(service.url, method, TOKENS, headers);

  test('is served under a policy that admits nothing inline and nothing from elsewhere', async () => {
    const page = await send(service.url, 'GET', '/');
    expect(isPage(page)).toBe(true);
    expect(page.headers).toMatchObject({ 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none';.*frame-ancestors 'none'/);
    expect(policy).not.toMatch(/unsafe|\*|http|data:/);
    expect(page.body).not.toMatch(/ style=| on\w+=|<style|<script(?![^>]* src=)/);
    const files = [...page.body.matchAll(/(?:src|href)="(\/ui\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(files).toHaveLength(4);
    const answers = await Promise.all(files.map((path) => send(service.url, 'GET', path)));
    expect(answers.map(({ status }) => status)).toEqual(files.map(() => 200));
  });

  test.each(['127.0.0.1', 'localhost', '[::1]'])('gets tokens that the service takes, at %s', async (host) => {
    const own = `${host}:${port()}`;
    const answer = await mint({ host: own, origin: `http://${own}`, 'sec-fetch-site': 'same-origin' });
    expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    const tokens = JSON.parse(answer.body) as Record<'client' | 'freelancer' | 'service', string>;
    expect(decodeJwt(tokens.client)).not.toHaveProperty('scope');
    expect(decodeJwt(tokens.service)['scope']).toBe('orders:write events:read webhooks:manage test:clocks');
    const path = `/v1/orders/order-at-${host.replace(/\W/g, '')}`;
    const as = (token: string) => service.withAuthorization(`Bearer ${token}`);
    expect((await as(tokens.service).put(path, anOrderReport())).status).toBe(201);
    const viewers = await Promise.all(
      [tokens.client, tokens.freelancer].map((token) =>
        as(token).get<{ viewer: { role: string } }>(`${path}/resolution-center`),
      ),
    );
    expect(viewers.map(({ body }) => body.viewer.role)).toEqual(['client', 'freelancer']);
  });

  test.each<[string, (own: string) => Record<string, string>]>([
    ['a name that was made to resolve here', () => ({ host: 'evil.example', origin: 'http://evil.example' })],
    ['a page at a name that was made to resolve here', (own) => ({ host: own, origin: 'http://evil.example' })],
    ['a page whose origin may call the API', (own) => ({ host: own, origin: SHOP, 'sec-fetch-site': 'cross-site' })],
    [
      'a page of another port',
      (own) => ({ host: own, origin: 'http://127.0.0.1:8080', 'sec-fetch-site': 'same-site' }),
    ],
    ['a page that hides its origin', (own) => ({ host: own, origin: 'null' })],
    ['a caller without an origin', (own) => ({ host: own })],
    ['a form of another site', (own) => ({ host: own, origin: `http://${own}`, 'sec-fetch-site': 'cross-site' })],
    ['a caller behind a proxy', (own) => ({ host: own, origin: `http://${own}`, 'x-forwarded-for': '203.0.113.7' })],
    ['the address that means every interface', () => ({ host: '0.0.0.0', origin: 'http://0.0.0.0' })],
  ])('gives no token to %s', async (_who, headersOf) => {
    const answer = await mint(headersOf(`127.0.0.1:${port()}`));
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'forbidden']);
    expect(answer.body).not.toContain('eyJ');
  });

  test.each(['GET', 'PUT'])('answers no %s with a token', async (method) => {
    const own = `127.0.0.1:${port()}`;
    const answer = await mint({ host: own, origin: `http://${own}` }, method);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body).not.toContain('eyJ');
  });
});

describe('the page at / of any other service', () => {
  test.each<[string, Record<string, string>]>([
    ['a secret of its own', { MODE: 'sandbox' }],
    ['other machines as callers', { ...DEVELOPMENT, HOST: '0.0.0.0' }],
    ['a proxy in front', { ...DEVELOPMENT, PROXY_HOPS: '1' }],
  ])('asks for tokens, and nothing mints any, in a sandbox with %s', async (_what, env) => {
    const { url } = await startProcess({ role: 'api', env });
    const own = `127.0.0.1:${new URL(url).port}`;
    const page = await send(`http://${own}`, 'GET', '/');
    expect(isPage(page)).toBe(true);
    expect(page.body).toContain('<meta name="features" content=""');
    expect((await send(`http://${own}`, 'POST', TOKENS, { host: own, origin: `http://${own}` })).status).toBe(404);
  });

  test('says in one line what this is, in live mode', async () => {
    const { url } = await startProcess({ role: 'api', env: { AUTH_SECRET: '', MODE: 'live' } });
    const answer = await send(url, 'GET', '/');
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' } });
    expect(answer.body).toMatch(/^Resolution Center \d+\.\d+\.\d+: .*\n$/);
    for (const [method, path] of [
      ['POST', TOKENS],
      ['GET', '/ui/sandbox.js'],
    ] as const) {
      expect((await send(url, method, path, { origin: url })).status).toBe(404);
    }
  });
});
