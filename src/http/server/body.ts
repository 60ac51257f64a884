import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { jsonFault } from '../problems/json-fault.ts';
import { problemError } from '../problems/problems.ts';

const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)/i;
const UTF_8 = /^(utf-?8|us-ascii)$/i;

function unsupported(detail: string, headers: Readonly<Record<string, string>>) {
  return problemError('unsupported_media_type', detail, { headers });
}

/** Whether a request has a body at all; some clients send the type of a body that they leave out. */
function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** @throws ProblemError `unsupported_media_type` for a body that is compressed, or in another encoding than UTF-8 */
function checkEncoding({ headers }: FastifyRequest): void {
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding.trim().toLowerCase() !== 'identity') {
    throw unsupported('Send the body as it is, without Content-Encoding.', { 'accept-encoding': 'identity' });
  }
  const charset = CHARSET.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  if (!UTF_8.test(charset)) throw unsupported('Send the body in UTF-8.', { accept: 'application/json' });
}

/** Takes JSON in UTF-8 and no other media type; a body that would set a prototype is refused. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addHook('preParsing', async (request) => {
    // The body of a GET is not read.
    if (request.method === 'GET' || request.method === 'HEAD') return;
    if (hasBody(request)) checkEncoding(request);
    else delete request.headers['content-type'];
  });
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    request.bodyBytes = body.length;
    // A body that came in chunks may have turned out to be empty.
    if (body.length === 0) return done(null, undefined);
    // Decoding would replace bytes that are not UTF-8 without a word.
    if (!isUtf8(body)) return done(problemError('malformed_json', 'The body is not UTF-8.'), undefined);
    const text = body.toString('utf8');
    const fault = jsonFault(text);
    if (fault !== null) return done(problemError('malformed_json', fault), undefined);
    void parseJson(request, text, done);
  });
}
