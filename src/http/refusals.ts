import type { Operation } from './operation.ts';
import type { ProblemCode } from './problems.ts';

/** Every problem code that an operation may answer with: its own, and those that follow from what it takes. */
export function problemsOf({
  access,
  params,
  query,
  body,
  takesKey,
  takesIfMatch,
  problems,
}: Operation): ProblemCode[] {
  const takesInput = params !== undefined || query !== undefined || body !== undefined;
  const codes: ProblemCode[] = [
    ...(takesInput ? (['validation_failed'] as const) : []),
    ...(body === undefined ? [] : (['malformed_json', 'payload_too_large', 'unsupported_media_type'] as const)),
    'unauthenticated',
    ...(access.anyone ? [] : (['forbidden'] as const)),
    'rate_limited',
    'not_acceptable',
    ...problems,
    ...(takesIfMatch ? (['version_mismatch'] as const) : []),
    ...(takesKey ? (['idempotency_key_in_use', 'idempotency_key_reused'] as const) : []),
    'unavailable',
  ];
  return [...new Set(codes)];
}
