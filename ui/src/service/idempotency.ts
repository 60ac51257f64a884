import type { Dispute } from '../api-types.ts';
import type { Outcome } from './http.ts';
import type { Store } from './store.ts';

/** Sends the commands of one form. */
export type Send = (href: string, body: unknown, etag: string | null) => Promise<Outcome<Dispute>>;

/**
 * Sends commands so that one whose answer was lost keeps its idempotency key: a viewer who tries again does not act twice.
 * Once the service has answered, a refusal included, the next try is another command.
 */
export function createSend(store: Pick<Store, 'send'>): Send {
  let last: { readonly request: string; readonly key: string } | null = null;
  return async (href, body, etag) => {
    const request = JSON.stringify([href, body, etag]);
    if (last?.request !== request) last = { request, key: newKey() };
    const sent = await store.send({ href, body, etag, key: last.key });
    const isAnswered = sent.ok || (sent.problem.status !== null && sent.problem.status < 500);
    if (isAnswered) last = null;
    return sent;
  };
}

const KEY_BYTES = 16;

/** A key that no other command has. `crypto.randomUUID` is there only in pages from https or localhost. */
export function newKey(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(KEY_BYTES))];
  return `element-${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
