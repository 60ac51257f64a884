import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Caller, hasScope } from '../../application/caller.ts';
import { insufficientScope, problemError } from '../problems/problems.ts';
import { compressionOf, varyOn } from '../server/compression.ts';
import { acceptedLocale } from '../texts/languages.ts';
import { bodyLimitOf } from './body-limit.ts';
import { type Access, type Endpoint, type HttpDeps, isRevalidated } from './endpoint.ts';
import { namesTag, parseCondition } from './etag.ts';
import { fingerprintOf } from './fingerprint.ts';
import { parseInput } from './input.ts';
import { CONTENT_TYPES, EVENT_STREAM, type Format } from './media-types.ts';
import { jsonOf } from './pages.ts';
import { makeReply, type Reply } from './reply.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
    /** What the caller wants the answer to be written in. */
    format: Format;
    /** The size of the body as it was read, in bytes; a body in chunks has no Content-Length. */
    bodyBytes: number;
  }
  interface FastifyContextConfig {
    operationId?: string;
    /** What its successes may be written in; the first is what a caller gets that has no wish. */
    formats?: readonly [Format, ...Format[]];
  }
}

/** Whether a caller is of a kind that may call an operation at all. */
export function mayCall(access: Access, caller: Caller): boolean {
  if (access.anyone === true) return true;
  if (caller.kind === 'user') return access.party === true;
  return (access.scopes ?? []).some((scope) => hasScope(caller, scope));
}

function checkAccess(access: Access, caller: Caller): void {
  if (mayCall(access, caller)) return;
  const { scopes = [] } = access;
  if (scopes.length === 0) throw problemError('forbidden', 'This is for the parties of an order, not for services.');
  const named = scopes.join(' or ');
  const detail =
    caller.kind === 'user'
      ? `This is for services whose token has the scope ${named}.`
      : `The token lacks the scope ${named}.`;
  throw insufficientScope(detail, scopes);
}

/** Aborts when the caller hangs up, or when `stopping` does. */
function signalOf(reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, stopping]);
}

interface Serving {
  readonly deps: HttpDeps;
  /** Aborted when the process is about to stop. */
  readonly stopping: AbortSignal;
}

/** Whether the caller has already what a read would give it. */
function isCurrent(operation: Endpoint, headers: FastifyRequest['headers'], reply: Reply): boolean {
  const tag = reply.headers?.['etag'];
  const given = headers['if-none-match'];
  if (tag === undefined || given === undefined || !isRevalidated(operation)) return false;
  const condition = parseCondition(given);
  return condition !== null && namesTag(condition, tag);
}

async function answer(operation: Endpoint, { deps, stopping }: Serving, request: FastifyRequest, reply: FastifyReply) {
  const { caller } = request;
  if (caller === null) throw new Error('a request got past authentication without a caller');
  const { headers: given } = request;
  const input = parseInput(operation, request);
  const locale = acceptedLocale(request);
  checkAccess(operation.access, caller);
  const made = await operation.handle({
    deps,
    caller,
    requestId: request.id,
    bodyBytes: request.bodyBytes,
    ...input,
    headers: given,
    format: request.format,
    locale,
    signal: () => signalOf(reply, stopping),
    fingerprint: () => fingerprintOf(operation, input, given),
    reply: makeReply,
  });
  const { status, headers, body, format = request.format } = made;
  if (operation.hasTexts) void reply.header('content-language', locale);
  if (operation.hasTexts || status >= 400) varyOn(reply, 'accept-language');
  if (isCurrent(operation, given, made))
    return reply
      .status(304)
      .headers({ ...headers })
      .send();
  if (operation.hasCsv) varyOn(reply, 'accept');
  void reply
    .status(status)
    .type(CONTENT_TYPES[format])
    .headers({ ...headers });
  return typeof body === 'string' || body instanceof Readable ? body : jsonOf(body);
}

function formatsOf({ success, hasCsv }: Endpoint): readonly [Format, ...Format[]] {
  if (success.some(({ mediaType }) => mediaType === EVENT_STREAM)) return ['events'];
  return hasCsv ? ['json', 'csv'] : ['json'];
}

/** Adds an operation as a route. */
export function registerOperation(app: FastifyInstance, serving: Serving, operation: Endpoint): void {
  app.route({
    method: operation.method,
    url: operation.path.replace(/\{(\w+)\}/g, ':$1'),
    bodyLimit: bodyLimitOf(operation),
    config: { operationId: operation.operationId, formats: formatsOf(operation) },
    compress: compressionOf(operation),
    handler: (request, reply) => answer(operation, serving, request, reply),
  });
}
