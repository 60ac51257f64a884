import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { problemError } from './problems.ts';

/** So many bytes a body may have. */
export const BODY_LIMIT = 64 * 1024;

const MAX_DEPTH = 32;

/** Whether a JSON text has more in each other than anything here has; what walks through such a value by calling itself
 * would run out of stack. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (inString) {
      if (char === '\\') at += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/** Takes JSON in UTF-8 and no other media type; a body that would set a prototype is refused. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    // A frontend that always sends the header may send it without a body.
    if (body.length === 0) return done(null, undefined);
    // Decoded as it is, it would lose what is no UTF-8 without a word.
    if (!isUtf8(body)) return done(problemError('malformed_json', 'The body is not UTF-8.'), undefined);
    const text = body.toString('utf8');
    if (isTooDeep(text)) return done(problemError('malformed_json', 'The body is nested too deeply.'), undefined);
    void parseJson(request, text, done);
  });
}
