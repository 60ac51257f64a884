import type { Command } from './store.ts';

/**
 * Makes commands of which one that is sent again, unchanged, keeps its idempotency key: a viewer who tries again after a lost
 * answer does not act twice.
 */
export function newCommand(): (href: string, body: unknown, etag: string | null) => Command {
  let last: { readonly request: string; readonly key: string } | null = null;
  return (href, body, etag) => {
    const request = JSON.stringify([href, body]);
    if (last?.request !== request) last = { request, key: `element-${crypto.randomUUID()}` };
    return { href, body, etag, key: last.key };
  };
}
