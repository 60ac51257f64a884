import type { FastifyReply, FastifyRequest } from 'fastify';
import { createRepeatingLog, type FailureLevels, loggable, type RepeatingLog } from '../../platform/log.ts';
import { isTransient } from '../../platform/postgres/database.ts';
import { scopeChallenge } from '../auth/token-refusal.ts';
import { varyOn } from '../server/compression.ts';
import { acceptedLocale } from '../texts/languages.ts';
import { PROBLEM_MEDIA_TYPE, PROBLEMS, type Problem, ProblemError, problemDocument } from './problems.ts';
import { unavailableBecause } from './unavailable.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Logs a request that failed. */
    logFailure: RepeatingLog;
  }
}

/** Errors of Fastify itself, by their code. */
const FRAMEWORK_PROBLEMS: Readonly<Record<string, Problem>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'unsupported_media_type', detail: 'Send the body as application/json.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { code: 'malformed_json', detail: 'Content-Length does not match the body.' },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'malformed_json', detail: 'The body cannot be read as JSON.' },
  FST_ERR_BAD_URL: { code: 'validation_failed', detail: 'The address is not a valid URL.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'validation_failed', detail: 'A part of the address is too long.' },
};

const tooLarge = ({ routeOptions }: FastifyRequest): Problem => ({
  code: 'payload_too_large',
  detail: `The body may have at most ${routeOptions.bodyLimit} bytes here.`,
});

function problemOf(error: unknown, request: FastifyRequest): Problem | null {
  if (error instanceof ProblemError) return error.problem;
  const passing = unavailableBecause(error);
  if (passing !== null) return passing;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge(request);
  const known = code === undefined ? undefined : FRAMEWORK_PROBLEMS[code];
  if (known !== undefined) return known;
  if (statusCode === 400) return { code: 'malformed_json', detail: 'The body cannot be read as JSON.' };
  const isRefusal = statusCode !== undefined && statusCode > 400 && statusCode < 500;
  return isRefusal ? { code: 'validation_failed', detail: 'This request cannot be taken.' } : null;
}

const INTERNAL: Problem = {
  code: 'internal_error',
  detail: 'The request could not be carried out. Tell the operators the requestId.',
};

function challengeOf({ code, scopes = [] }: Problem, { server }: FastifyRequest): Record<string, string> {
  if (code === 'unauthenticated') return { 'www-authenticate': 'Bearer' };
  return scopes.length === 0 ? {} : { 'www-authenticate': scopeChallenge(scopes, server.scopePrefix) };
}

const VARIABLE = /[0-9a-f]{8,}|\d+/gi;

/** Tells failed requests apart: those that something kept from an answer by its message, defects by their place, too. */
function failureOf(error: unknown): string {
  const { type, message = '', stack = '' } = loggable(error);
  const place = isTransient(error) ? '' : stack.split('\n', 1)[0];
  return `${type} ${message.replace(VARIABLE, '#')} ${place}`;
}

/** Makes the log of requests that failed: an outage fails all of them, and does not fill the log. */
export function logFailures(log: FailureLevels): RepeatingLog {
  return createRepeatingLog(log, { level: 'error', keyOf: failureOf });
}

/** Answers a request with the problem that an error stands for. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const problem = problemOf(error, request) ?? INTERNAL;
  const { status } = PROBLEMS[problem.code];
  if (status >= 500) {
    const { operationId } = request.routeOptions.config;
    const operation = operationId === undefined ? {} : { operationId };
    const facts = { code: problem.code, reqId: request.id, ...operation, ...request.span?.fields };
    request.server.logFailure(error, facts, 'request failed');
  }
  const { url, id } = request;
  const locale = acceptedLocale(request);
  varyOn(reply, 'accept-language');
  return reply
    .status(status)
    .headers({ 'content-language': locale, ...challengeOf(problem, request), ...problem.headers })
    .type(PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify(problemDocument(problem, { url, id, locale })));
}
