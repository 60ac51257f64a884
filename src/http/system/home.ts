import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLoopback } from '../../platform/network/loopback.ts';
import { ROOT } from '../../platform/root.ts';
import { VERSION } from '../../platform/version.ts';
import { problemError } from '../problems/problems.ts';
import { sendText, servedText } from './served-text.ts';

export interface HomeOptions {
  readonly isSandbox: boolean;
  /** Mints the tokens of the page, where any page may have them; null anywhere else. */
  readonly sampleTokens: (() => Promise<object>) | null;
  /** Whether a browser can open the queue board on this port: operators have a name and a password. */
  readonly hasQueues: boolean;
}

const FILES = join(ROOT, 'dist/ui');
/** Where the page gets its tokens. */
const TOKENS_PATH = '/ui/sandbox-tokens';

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const WHAT_THIS_IS = `Resolution Center ${VERSION}: disputes between the client and the freelancer of an order. API reference: /docs\n`;

const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/**
 * Whether a request comes from the page that this service serves at a loopback address. The host must be such an address itself:
 * a name that an attacker made resolve to one (DNS rebinding) is not. The origin must be that host: a page of another origin has
 * another one, also where CORS_ORIGINS admits it. A proxy's headers mean that the caller may be on any machine.
 */
function isOwnPage({ headers }: FastifyRequest): boolean {
  const { host = '', origin, 'sec-fetch-site': site = 'same-origin' } = headers;
  const own = `http://${host}`;
  if (origin !== own || site !== 'same-origin' || PROXY_HEADERS.some((name) => name in headers)) return false;
  return URL.canParse(own) && isLoopback(new URL(own).hostname);
}

function serveTokens(app: FastifyInstance, sampleTokens: () => Promise<object>): void {
  app.post(TOKENS_PATH, async (request, reply) => {
    if (!isOwnPage(request)) {
      throw problemError('forbidden', 'These tokens are for the page at a loopback address of this machine.');
    }
    return reply.header('cache-control', 'no-store').send(await sampleTokens());
  });
}

/** Serves `/`: in a sandbox a page with both parties of an order, else one line that says what this is. */
export function registerHome(app: FastifyInstance, { isSandbox, sampleTokens, hasQueues }: HomeOptions): void {
  // Only a build makes the page: the service that runs from its sources has none to serve.
  if (!isSandbox || !existsSync(join(FILES, 'index.html'))) {
    const line = servedText('text/plain; charset=utf-8', WHAT_THIS_IS);
    app.get('/', (request, reply) => sendText(line, request, reply));
    return;
  }
  const serve = (path: string, mediaType: string, text: string) => {
    const served = servedText(`${mediaType}; charset=utf-8`, text);
    app.get(path, (request, reply) => sendText(served, request, reply.header('content-security-policy', PAGE_POLICY)));
  };
  const read = (name: string) => readFileSync(join(FILES, name), 'utf8');
  const features = [...(sampleTokens === null ? [] : ['tokens']), ...(hasQueues ? ['queues'] : [])].join(' ');
  serve(
    '/',
    'text/html',
    read('index.html').replace('name="features" content=""', `name="features" content="${features}"`),
  );
  serve('/ui/sandbox.js', 'text/javascript', read('sandbox.js'));
  serve('/ui/sandbox.css', 'text/css', read('sandbox.css'));
  serve('/ui/icon.svg', 'image/svg+xml', read('icon.svg'));
  if (sampleTokens !== null) serveTokens(app, sampleTokens);
}
