import type { FastifyInstance } from 'fastify';

const SWEEP_MS = 50;

/**
 * Closes an app: it takes no new requests, and those under way have `graceMs` to be answered. Then every connection is
 * ended; one on which half a request came, or none yet, would keep the app from closing until it times out by itself.
 */
export async function closeApp(app: FastifyInstance, graceMs: number): Promise<void> {
  // Closing ends the connections that are idle at that moment; those that become so, their clients would keep open.
  const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS);
  const end = setTimeout(() => app.server.closeAllConnections(), graceMs);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
    clearTimeout(end);
  }
}
