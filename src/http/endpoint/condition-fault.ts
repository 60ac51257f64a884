import { type InputError, inputError } from '../problems/input-errors.ts';
import type { AnyCall } from './endpoint.ts';
import { parseCondition } from './etag.ts';

type Headers = AnyCall['headers'];

/** What is wrong with a header that holds entity tags, if anything is. */
export function conditionFault(headers: Headers, name: 'if-match' | 'if-none-match'): InputError | null {
  const value = headers[name];
  if (value === undefined || parseCondition(String(value)) !== null) return null;
  const message = 'Send * or entity tags, in quotes and with commas between.';
  return inputError(`/header/${name}`, 'invalid_format', {}, message);
}
