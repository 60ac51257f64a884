import type { Endpoint } from '../endpoint/endpoint.ts';
import type { ProblemCode } from './problems.ts';

/** Every problem code that an operation may answer with: its own, and those that follow from what it takes. */
export function problemsOf({
  method,
  access,
  takesKey,
  takesIfMatch,
  takesIfNoneMatch,
  problems,
}: Endpoint): ProblemCode[] {
  const codes: ProblemCode[] = [
    // Whatever an operation takes, a caller may send it something else.
    'validation_failed',
    ...(method === 'GET' ? [] : (['malformed_json', 'payload_too_large', 'unsupported_media_type'] as const)),
    'unauthenticated',
    ...(access.anyone ? [] : (['forbidden'] as const)),
    'rate_limited',
    'not_acceptable',
    ...problems,
    ...(takesIfMatch || takesIfNoneMatch ? (['version_mismatch'] as const) : []),
    ...(takesKey ? (['idempotency_key_in_use', 'idempotency_key_reused'] as const) : []),
    'unavailable',
  ];
  return [...new Set(codes)];
}
