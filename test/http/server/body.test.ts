import { Readable } from 'node:stream';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { acceptJson } from '../../../src/http/server/body.ts';
import { onCleanup } from '../../harness/cleanup.ts';

test('the size of a body is what was read, whether or not its length was said', async () => {
  const app = fastify();
  onCleanup(() => app.close());
  app.decorateRequest('bodyBytes', 0);
  acceptJson(app);
  app.post('/', (request) => Promise.resolve({ bodyBytes: request.bodyBytes }));
  const body = JSON.stringify({ comment: '€'.repeat(1_000) });
  const headers = { 'content-type': 'application/json' };
  for (const payload of [body, Readable.from([Buffer.from(body)])]) {
    const chunked = typeof payload === 'string' ? headers : { ...headers, 'transfer-encoding': 'chunked' };
    const answer = await app.inject({ method: 'POST', url: '/', headers: chunked, payload });
    expect(answer.json()).toEqual({ bodyBytes: Buffer.byteLength(body) });
  }
});
