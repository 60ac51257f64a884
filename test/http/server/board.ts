import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import type { Service } from '../../harness/service.ts';

export const LOGIN = { user: 'operator', password: 'sixteen letters…' } as const;

/** Sends requests to one address over HTTP, as a browser or a program of an operator does. */
export type Ask = (
  path: string,
  options?: { method?: string; as?: string; body?: string; headers?: Readonly<Record<string, string>> },
) => Promise<Response>;

export function asker(base: string): Ask {
  return (path, { method = 'GET', as, body, headers = {} } = {}) =>
    fetch(new URL(path, base), {
      method,
      headers: {
        ...headers,
        ...(as !== undefined && { authorization: as }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
    });
}

/** The header of a caller with a token. */
export async function bearer(sub: string, scope?: string): Promise<string> {
  return `Bearer ${await mintToken(TEST_SECRET, { sub, scope })}`;
}

/** The header that a browser sends for a name and a password. */
export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const HOUR = 3_600_000;

/** Hands as many timers to the queue, of unknown disputes, due an hour from now. */
export async function fillQueue(service: Service, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => `01a20000-0000-7000-8000-${String(n).padStart(12, '0')}`);
  const now = Date.now();
  const timers = ids.map((disputeId) => ({ disputeId, seq: 1, dueAt: now + HOUR }));
  await service.deps.app.http.queue.add(timers, now);
  return ids.map((id) => `deadline-${id}-1`);
}
