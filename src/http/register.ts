import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type Caller, hasScope } from '../operations/caller.ts';
import { conditionFault, fingerprintOf, keyFault } from './commands.ts';
import { namesTag, parseCondition } from './etag.ts';
import { lastEventIdFault } from './last-event-id.ts';
import { CONTENT_TYPES, type Format } from './media-types.ts';
import { type Access, EVENT_STREAM, type HttpDeps, isRevalidated, type Operation, type Reply } from './operation.ts';
import { type InputError, insufficientScope, problemError } from './problems.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
    /** What the caller wants the answer to be written in. */
    format: Format;
  }
  interface FastifyContextConfig {
    operationId?: string;
    /** What its successes may be written in; the first is what a caller gets that has no wish. */
    formats?: readonly [Format, ...Format[]];
  }
}

function pointerOf(prefix: string, path: readonly PropertyKey[]): string {
  return prefix + path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

// The name of something unknown is repeated only if it looks like one: a text in its place is nobody's to read.
const NAME = /^[\w./~-]{1,64}$/;
const namedIn = (path: readonly PropertyKey[], name: string) => (NAME.test(name) ? [...path, name] : path);

function errorsOf(prefix: string, issues: readonly z.core.$ZodIssue[]): InputError[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          pointer: pointerOf(prefix, namedIn(issue.path, key)),
          message: 'is not known here',
        }))
      : [{ pointer: pointerOf(prefix, issue.path), message: issue.message }],
  );
}

const MAX_ERRORS = 20;

interface Input {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

function headerFaults(operation: Operation, headers: FastifyRequest['headers']): InputError[] {
  const faults = [
    operation.takesKey ? keyFault(headers) : null,
    operation.takesIfMatch ? conditionFault(headers, 'if-match') : null,
    isRevalidated(operation) ? conditionFault(headers, 'if-none-match') : null,
    operation.takesLastEventId ? lastEventIdFault(headers) : null,
  ];
  return faults.filter((fault) => fault !== null);
}

/** Checks all parts of the input, so that a caller hears of everything that is wrong at once. */
function parseInput(operation: Operation, given: Input & Pick<FastifyRequest, 'headers'>): Input {
  const parts = [
    { name: 'params', prefix: '/path', schema: operation.params, value: given.params },
    { name: 'query', prefix: '/query', schema: operation.query, value: given.query },
    { name: 'body', prefix: '', schema: operation.body, value: given.body },
  ] as const;
  const parsed: Record<string, unknown> = {};
  const errors: InputError[] = headerFaults(operation, given.headers);
  for (const { name, prefix, schema, value } of parts) {
    const result = schema?.safeParse(value);
    if (result?.success === false) errors.push(...errorsOf(prefix, result.error.issues));
    else parsed[name] = result?.data;
  }
  if (errors.length > 0) {
    const detail =
      errors.length === 1
        ? 'One thing is wrong with the request.'
        : `${errors.length} things are wrong with the request.`;
    throw problemError('validation_failed', detail, { extra: { errors: errors.slice(0, MAX_ERRORS) } });
  }
  return parsed as unknown as Input;
}

/** What an operation does not take is refused too: a filter or a field that is silently ignored would mislead. */
function refuseStrayInput(operation: Operation, { query, body }: Pick<Input, 'query' | 'body'>): void {
  const [name] = operation.query === undefined ? Object.keys(query as object) : [];
  const pointers = name === undefined ? [] : [pointerOf('/query', namedIn([], name))];
  const isEmpty = body === undefined || JSON.stringify(body) === '{}';
  if (operation.body === undefined && !isEmpty) pointers.push('');
  if (pointers.length === 0) return;
  throw problemError('validation_failed', 'The request has more to it than there is to say here.', {
    extra: { errors: pointers.map((pointer) => ({ pointer, message: 'is not known here' })) },
  });
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
function isCurrent(operation: Operation, headers: FastifyRequest['headers'], reply: Reply): boolean {
  const tag = reply.headers?.['etag'];
  const given = headers['if-none-match'];
  if (tag === undefined || given === undefined || !isRevalidated(operation)) return false;
  const condition = parseCondition(given);
  return condition !== null && namesTag(condition, tag);
}

async function answer(operation: Operation, { deps, stopping }: Serving, request: FastifyRequest, reply: FastifyReply) {
  const { caller } = request;
  if (caller === null) throw new Error('a request got past authentication without a caller');
  const rawBody = request.body === undefined && operation.bodyMayBeAbsent ? {} : request.body;
  refuseStrayInput(operation, { query: request.query, body: rawBody });
  const { params, query, headers: given } = request;
  const input = parseInput(operation, { params, query, body: rawBody, headers: given });
  checkAccess(operation.access, caller);
  const made = await operation.handle({
    deps,
    caller,
    requestId: request.id,
    ...input,
    headers: given,
    format: request.format,
    signal: () => signalOf(reply, stopping),
    fingerprint: () => fingerprintOf(request.method, request.url, given, rawBody),
  });
  const { status, headers, body, format = request.format } = made;
  if (isCurrent(operation, given, made))
    return reply
      .status(304)
      .headers({ ...headers })
      .send();
  void reply
    .status(status)
    .type(CONTENT_TYPES[format])
    .headers({ ...(operation.hasCsv && varying(reply)), ...headers });
  return typeof body === 'string' || body instanceof Readable ? body : JSON.stringify(body);
}

function formatsOf({ success, hasCsv }: Operation): readonly [Format, ...Format[]] {
  if (success.some(({ mediaType }) => mediaType === EVENT_STREAM)) return ['events'];
  return hasCsv ? ['json', 'csv'] : ['json'];
}

/** Caches are told that the answer depends on what was asked for; another part may have told them of more. */
function varying(reply: FastifyReply): { vary: string } {
  const known = reply.getHeader('vary');
  return { vary: known === undefined ? 'accept' : `${known}, accept` };
}

/** Adds an operation as a route. */
export function registerOperation(app: FastifyInstance, serving: Serving, operation: Operation): void {
  app.route({
    method: operation.method,
    url: operation.path.replace(/\{(\w+)\}/g, ':$1'),
    config: { operationId: operation.operationId, formats: formatsOf(operation) },
    handler: (request, reply) => answer(operation, serving, request, reply),
  });
}
