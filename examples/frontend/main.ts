// The frontend of a small marketplace: a server for its pages, which gives its visitors their tokens.
//   npm run example:frontend
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { createOrders } from '../backend/orders.ts';
import { sampleOrder } from '../backend/sample-order.ts';
import { API } from '../service.ts';
import { tokenOf } from '../tokens.ts';

const HOST = '127.0.0.1';
const PORT = Number(process.env['PORT'] || 4100);
const VISITORS: Readonly<Record<string, string>> = { client: 'user-7', freelancer: 'user-9' };

/** Nothing inline, and nothing from anywhere but this server and the Resolution Center. */
const POLICY = `default-src 'none'; script-src 'self' ${API}; style-src 'self'; connect-src 'self' ${API}; base-uri 'none'; form-action 'none'`;

interface Served {
  readonly type: string;
  readonly content: string;
}

async function fromFile(name: string, type: string): Promise<Served> {
  const text = await readFile(join(import.meta.dirname, name), 'utf8');
  return { type, content: text.replaceAll('http://127.0.0.1:3000', API) };
}

async function bundled(name: string): Promise<Served> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, name)],
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    minify: true,
    define: { 'process.env.NODE_ENV': '"production"' },
    write: false,
  });
  return { type: 'text/javascript', content: outputFiles.map(({ text }) => text).join('') };
}

const pages = new Map<string, Served>([
  ['/', await fromFile('index.html', 'text/html')],
  ['/react', await fromFile('react.html', 'text/html')],
  ['/page.js', await fromFile('page.js', 'text/javascript')],
  ['/page.css', await fromFile('page.css', 'text/css')],
  ['/react.js', await bundled('react.jsx')],
]);

/**
 * Stands for the session of your frontend. A real server knows from the session who the visitor is, and does not read it from the
 * address.
 */
async function tokenFor(role: string | null): Promise<Served | null> {
  const visitor = VISITORS[role ?? 'client'];
  return visitor === undefined ? null : { type: 'text/plain', content: await tokenOf(visitor) };
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', base);
  // A page that reaches this server by another name may not have the tokens.
  const isOurs = request.headers.host === new URL(base).host;
  const find = async () => {
    if (!isOurs || request.method !== 'GET') return null;
    return pathname === '/token' ? await tokenFor(searchParams.get('as')) : (pages.get(pathname) ?? null);
  };
  find().then(
    (served) => {
      const headers = { 'cache-control': 'no-store', 'content-security-policy': POLICY };
      const type = `${served?.type ?? 'text/plain'}; charset=utf-8`;
      response.writeHead(served === null ? 404 : 200, { ...headers, 'content-type': type });
      response.end(served?.content ?? 'Not found');
    },
    (error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error)),
  );
});
server.listen(PORT, HOST);
await once(server, 'listening');
const base = `http://${HOST}:${(server.address() as AddressInfo).port}`;

// So that there is an order to look at. In a marketplace the order service reports it.
const { id } = await createOrders().add(sampleOrder());
for (const path of ['/', '/react']) {
  for (const role of Object.keys(VISITORS)) process.stdout.write(`${base}${path}?order=${id}&as=${role}\n`);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.closeAllConnections();
    server.close();
  });
}
