import compress from '@fastify/compress';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Endpoint, isRevalidated } from '../endpoint/endpoint.ts';
import { EVENT_STREAM } from '../endpoint/media-types.ts';

// A page of 20 disputes: 27 kB become 3 kB for 0.15 ms of CPU; Brotli would save another tenth. A single dispute fits in one
// packet as it is.
const GZIP = { encodings: ['gzip' as const], threshold: 2_048 };

/** Lets routes have their answers compressed. */
export async function registerCompression(app: FastifyInstance): Promise<void> {
  // Bodies of requests are not decompressed: a small body could become one of any size.
  await app.register(compress, { global: false, globalDecompression: false });
}

/**
 * How an operation's answers are compressed: lists, which are long, where the caller accepts gzip. An answer with an entity
 * tag is left as it is, since the compressed one would need another tag; so is a stream, since its messages would wait for
 * each other.
 */
export function compressionOf(operation: Endpoint): typeof GZIP | false {
  const { method, success } = operation;
  const isStream = success.some(({ mediaType }) => mediaType === EVENT_STREAM);
  return method === 'GET' && !isRevalidated(operation) && !isStream ? GZIP : false;
}

/** Tells caches that an answer depends on a header of the request, beside those that it is known to depend on. */
export function varyOn(reply: FastifyReply, header: string): void {
  const known = reply.getHeader('vary');
  void reply.header('vary', known === undefined ? header : `${known}, ${header}`);
}
