import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { onCleanup } from '../../harness/cleanup.ts';

const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.css': 'text/css' };

/** An origin of its own, as a frontend has one. */
export interface Pages {
  readonly origin: string;
  /** What is served, by path. Any other address is an empty page. */
  readonly files: Map<string, string>;
  /** Sets the Content-Security-Policy of the pages. */
  readonly restrict: (policy: string) => void;
}

/** Serves pages and scripts that a test puts there. The origin ends with the test file. */
export async function servePages(): Promise<Pages> {
  const files = new Map<string, string>();
  let policy: string | null = null;
  const server = createServer(({ url = '/' }, response) => {
    const [path = '/'] = url.split('?');
    const type = TYPES[extname(path)];
    if (type === undefined && policy !== null) response.setHeader('content-security-policy', policy);
    response.setHeader('content-type', type ?? 'text/html; charset=utf-8');
    response.end(files.get(path) ?? '<!doctype html><title>A page</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const restrict = (value: string) => {
    policy = value;
  };
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, files, restrict };
}
