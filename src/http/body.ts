import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { problemError } from './problems.ts';

/** So many bytes a body may have. */
export const BODY_LIMIT = 64 * 1024;

/** Takes JSON in UTF-8 and no other media type; a body that would set a prototype is refused. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    // A frontend that always sends the header may send it without a body.
    if (body.length === 0) return done(null, undefined);
    // Decoded as it is, it would lose what is no UTF-8 without a word.
    if (!isUtf8(body)) return done(problemError('malformed_json', 'The body is not UTF-8.'), undefined);
    void parseJson(request, body.toString('utf8'), done);
  });
}
