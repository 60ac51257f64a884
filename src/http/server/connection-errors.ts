import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { PROBLEM_MEDIA_TYPE, PROBLEMS, type Problem, problemDocument } from '../problems/problems.ts';
import { DEFAULT_LOCALE } from '../texts/languages.ts';
import { HEADERS_LIMIT_BYTES, HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './protection.ts';

/** What Node's parser or its timers found wrong with a request, before there was one to route. */
type ConnectionError = Error & { readonly code?: string };

const HEADERS_TOO_LARGE: Problem = {
  code: 'headers_too_large',
  detail:
    `The address and the headers of a request may have at most ${HEADERS_LIMIT_BYTES} bytes together. ` +
    'Most often the token is too long: have the issuer leave groups or other claims out of it.',
};

const REQUEST_TIMEOUT: Problem = {
  code: 'request_timeout',
  detail:
    `The headers have to arrive within ${HEADERS_TIMEOUT_MS / 1_000} s, and the whole request ` +
    `within ${REQUEST_TIMEOUT_MS / 1_000} s.`,
};

const NOT_HTTP: Problem = { code: 'validation_failed', detail: 'This is not a valid HTTP request.' };

const PROBLEMS_BY_CODE: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: HEADERS_TOO_LARGE,
  ERR_HTTP_REQUEST_TIMEOUT: REQUEST_TIMEOUT,
};

/** How long the rest of a refused request is read and dropped. Closing at once would reset the connection, and lose the answer. */
const LINGER_MS = 1_000;

function answerText(problem: Problem, id: string): string {
  const { status } = PROBLEMS[problem.code];
  const body = JSON.stringify(problemDocument(problem, { url: '/', id, locale: DEFAULT_LOCALE }));
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Language: ${DEFAULT_LOCALE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${id}`,
    '',
    body,
  ].join('\r\n');
}

/**
 * Answers a connection on which no request could be read: Fastify leaves it to us to write that answer out. The id in the
 * answer is in the log.
 */
export function createConnectionErrorHandler(log: FastifyBaseLogger): (error: ConnectionError, socket: Socket) => void {
  const answered = new WeakSet<Socket>();
  return (error, socket) => {
    // The rest of a request that was refused is no request, either.
    if (answered.has(socket)) return;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    answered.add(socket);
    const problem = PROBLEMS_BY_CODE[error.code ?? ''] ?? NOT_HTTP;
    const reqId = randomUUID();
    log.info({ reqId, status: PROBLEMS[problem.code].status, code: error.code }, 'refused before it was a request');
    socket.end(answerText(problem, reqId));
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
}
