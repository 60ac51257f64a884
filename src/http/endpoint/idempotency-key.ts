import { callerKey } from '../../application/caller.ts';
import type { IdempotencyKey } from '../../application/idempotent.ts';
import { type InputError, inputError } from '../problems/input-errors.ts';
import type { AnyCall } from './endpoint.ts';

const PRINTABLE = /^[\x20-\x7e]*$/;
const KEY_LENGTH = 255;
const QUOTED = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"$/;

/** The header as the document describes it: the key as it stands, or as the string of a structured field (RFC 9651). */
export const KEY_PATTERN = '^([\\x20-\\x7e]{1,255}|"([\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\["\\\\]){1,255}")$';

type Headers = AnyCall['headers'];

/** The key without the quotes that the IETF's draft puts around it; null where there is none. */
function keyIn(headers: Headers): string | null {
  const given = headers['idempotency-key'];
  if (typeof given !== 'string') return null;
  return QUOTED.test(given) ? given.slice(1, -1).replace(/\\(.)/g, '$1') : given;
}

const POINTER = '/header/idempotency-key';

/** What is wrong with the key that a request carries, if anything is. */
export function keyFault(headers: Headers): InputError | null {
  const key = keyIn(headers);
  if (key === null) return null;
  if (!PRINTABLE.test(key))
    return inputError(POINTER, 'invalid_format', {}, 'Send 1 to 255 printable ASCII characters.');
  if (key === '') return inputError(POINTER, 'too_short', { minimum: 1, unit: 'characters' });
  return key.length > KEY_LENGTH ? inputError(POINTER, 'too_long', { maximum: KEY_LENGTH, unit: 'characters' }) : null;
}

/** The key that a request carries, or null. Whether it is one was checked with the rest of the input. */
export function idempotencyKey(call: AnyCall): IdempotencyKey | null {
  const key = keyIn(call.headers);
  return key === null ? null : { caller: callerKey(call.caller), key, fingerprint: call.fingerprint() };
}
