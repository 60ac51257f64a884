import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Marks browsers in which an operator has signed in, so that wrong passwords of others do not keep them out. */
export interface KnownBrowsers {
  /** What tells this browser from all others; null for one in which no operator has signed in. */
  readonly idOf: (request: FastifyRequest) => string | null;
  /** Marks the browser of a request whose password was right. */
  readonly remember: (request: FastifyRequest, reply: FastifyReply) => void;
}

const NAME = 'resolution-center-operator';
const MARK = new RegExp(`(?:^|; *)${NAME}=([A-Za-z0-9_-]{22})\\.([A-Za-z0-9_-]{43})(?:;|$)`);
const ID_BYTES = 16;
const KEEP_S = 30 * 86_400;

/**
 * Makes the marks: a cookie with a random id, signed by a key from the login. With the next password they are void.
 * @param secret the digest of the login
 */
export function createKnownBrowsers(secret: Buffer): KnownBrowsers {
  const signatureOf = (id: string) => createHmac('sha256', secret).update(`${NAME}:${id}`).digest();
  const idOf = ({ headers }: FastifyRequest) => {
    const [, id = '', signature = ''] = MARK.exec(headers.cookie ?? '') ?? [];
    if (id === '') return null;
    return timingSafeEqual(Buffer.from(signature, 'base64url'), signatureOf(id)) ? id : null;
  };
  return {
    idOf,
    remember: (request, reply) => {
      if (idOf(request) !== null) return;
      const id = randomBytes(ID_BYTES).toString('base64url');
      const value = `${NAME}=${id}.${signatureOf(id).toString('base64url')}`;
      const secure = request.protocol === 'https' ? '; Secure' : '';
      void reply.header(
        'set-cookie',
        `${value}; Path=/ops/queues; Max-Age=${KEEP_S}; HttpOnly; SameSite=Strict${secure}`,
      );
    },
  };
}
