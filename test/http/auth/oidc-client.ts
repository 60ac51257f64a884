import { createHash, randomBytes } from 'node:crypto';
import { runFile } from '../../harness/process.ts';
import { waitFor } from '../../harness/wait-for.ts';

const BACK = 'http://127.0.0.1/back';
const START_MS = 20_000;

/** A real issuer, and the ways to get a token of it. */
export interface OidcIssuer {
  readonly url: string;
  /** Signs a person in through the browser's pages (authorization code with PKCE). */
  readonly userToken: (login: string) => Promise<string>;
  /** A program's token for itself (client credentials). */
  readonly programToken: (client: 'order-service' | 'mailer', scope: string) => Promise<string>;
  readonly change: (how: 'rotate' | 'withdraw') => Promise<void>;
}

/** Requests of one browser: it keeps cookies, and follows redirects until it is sent back to the application. */
function createBrowser() {
  const cookies = new Map<string, string>();
  const go = async (url: URL, form?: Record<string, string>): Promise<URL> => {
    if (url.href.startsWith(BACK)) return url;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const init = form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) };
    const response = await fetch(url, { ...init, headers: { cookie }, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const next = response.headers.get('location');
    if (next !== null) return await go(new URL(next, url));
    if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
    return url;
  };
  return go;
}

async function exchange(url: string, form: Record<string, string>, credentials?: string): Promise<string> {
  const headers = credentials === undefined ? {} : { authorization: `Basic ${btoa(credentials)}` };
  const response = await fetch(`${url}/token`, { method: 'POST', headers, body: new URLSearchParams(form) });
  const answer = (await response.json()) as { access_token?: string };
  if (answer.access_token === undefined) throw new Error(`the issuer gave no token: ${JSON.stringify(answer)}`);
  return answer.access_token;
}

async function signIn(url: string, login: string): Promise<string> {
  const verifier = randomBytes(32).toString('base64url');
  const client = { client_id: 'shop', redirect_uri: BACK };
  const browser = createBrowser();
  const query = new URLSearchParams({
    ...client,
    response_type: 'code',
    scope: 'openid',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  let page = await browser(new URL(`${url}/auth?${query}`));
  page = await browser(page, { prompt: 'login', login, password: 'any' });
  page = await browser(page, { prompt: 'consent' });
  const code = page.searchParams.get('code');
  if (code === null) throw new Error(`the issuer sent the browser back without a code: ${page}`);
  return await exchange(url, { ...client, grant_type: 'authorization_code', code, code_verifier: verifier });
}

/** Starts the issuer. It ends with the test file. */
export async function startOidcIssuer(): Promise<OidcIssuer> {
  const running = runFile('test/http/auth/oidc-issuer.ts', [], { env: {} });
  const ended = running.exited.then(() => {
    throw new Error(`the issuer ended:\n${running.stdout()}${running.stderr()}`);
  });
  const listening = waitFor('the issuer listens', () => /^issuer (\S+)$/m.exec(running.stdout())?.[1], START_MS);
  const url = await Promise.race([listening, ended]);
  return {
    url,
    userToken: (login) => signIn(url, login),
    programToken: (client, scope) =>
      exchange(url, { grant_type: 'client_credentials', scope }, `${client}:secret-of-${client}`),
    change: async (how) => {
      const { status } = await fetch(new URL(`/${how}`, url), { method: 'POST' });
      if (status !== 200) throw new Error(`the issuer answered ${status}`);
    },
  };
}
