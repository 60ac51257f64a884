import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onCleanup } from '../../harness/cleanup.ts';

/** An origin of its own, as a frontend has one, with the scripts that a test puts there. It ends with the test file. */
export async function servePages(): Promise<{ readonly origin: string; readonly files: Map<string, string> }> {
  const files = new Map<string, string>();
  const server = createServer(({ url = '/' }, response) => {
    const script = files.get(url);
    if (script !== undefined) response.setHeader('content-type', 'text/javascript').end(script);
    else response.setHeader('content-type', 'text/html').end('<!doctype html><title>A page</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, files };
}
