import { createHash } from 'node:crypto';
import type { Endpoint } from './endpoint.ts';
import { parseCondition } from './etag.ts';
import type { Input } from './input.ts';

/** Members in one order, whatever order they came in; what is undefined is left out. */
function sorted(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What If-Match asks for, however a proxy has rewritten its tags and in whatever order they come; null without it. */
function conditionIn(value: string | undefined) {
  if (value === undefined) return null;
  const condition = parseCondition(value);
  return condition === null || condition === '*'
    ? value.trim()
    : [...new Set(condition)].sort((a, b) => (a < b ? -1 : 1));
}

/**
 * Hashes a request, so that a key can tell whether it is used for the same one again. Two requests are the same if their
 * operation, parameters, If-Match and parsed body are: member order, escapes, white space, null for what is left out, the marks
 * of a compressing proxy on an entity tag, and the parameters that only shape the answer, count as nothing.
 */
export function fingerprintOf(
  { operationId, answerParameters = [] }: Pick<Endpoint, 'operationId' | 'answerParameters'>,
  { params, query, body }: Input,
  headers: { readonly 'if-match'?: string | undefined },
): string {
  const kept = Object.entries(query ?? {}).filter(([name]) => !answerParameters.includes(name));
  const request = [operationId, params, Object.fromEntries(kept), conditionIn(headers['if-match']), body];
  return createHash('sha256').update(JSON.stringify(request, sorted)).digest('hex');
}
