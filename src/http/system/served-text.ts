import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { digestOf, entityTag, namesTag, parseCondition } from '../endpoint/etag.ts';
import { varyOn } from '../server/compression.ts';

/** A text that is the same for every caller until the next release, in both codings. */
export interface ServedText {
  readonly mediaType: string;
  readonly text: string;
  readonly gzipped: Buffer;
  readonly digest: string;
}

/** Prepares a text to be served. */
export const servedText = (mediaType: string, text: string): ServedText => ({
  mediaType,
  text,
  gzipped: gzipSync(text, { level: 9 }),
  digest: digestOf(text),
});

/** Makes caches ask each time whether they still have the current text. */
const REVALIDATED = 'no-cache';

/** Answers with a text, or with 304 where the caller has it already. */
export function sendText(
  { mediaType, text, gzipped, digest }: ServedText,
  request: FastifyRequest,
  reply: FastifyReply,
  cacheControl = REVALIDATED,
): FastifyReply {
  const isGzipped = request.accepts().encoding(['gzip', 'identity']) === 'gzip';
  const etag = entityTag(digest);
  const condition = parseCondition(request.headers['if-none-match'] ?? '');
  varyOn(reply, 'accept-encoding');
  // Each coding has a tag of its own; a condition names the text by either.
  void reply.headers({ 'cache-control': cacheControl, etag: isGzipped ? entityTag(`${digest}-gzip`) : etag });
  if (condition !== null && namesTag(condition, etag)) return reply.status(304).send();
  void reply.type(mediaType);
  return isGzipped ? reply.header('content-encoding', 'gzip').send(gzipped) : reply.send(text);
}
