import { INPUT_ERROR_CODES } from '../../../src/http/problems/input-errors.ts';
import { PROBLEMS, type ProblemCode } from '../../../src/http/problems/problems.ts';

/** Codes that no request of the fuzzer brings about, and why. */
const BEYOND: Readonly<Partial<Record<ProblemCode, string>>> = {
  rate_limited: 'the limit is off, so that nothing else is refused by it',
  request_timeout: 'a request that arrives slowly is for test/proofs/abuse',
  internal_error: 'no input of a caller may lead to it',
  unavailable: 'nothing that the service needs is down',
};

/** What the reasons of a refusal are, where its code has several. */
const REASONS: Readonly<Partial<Record<ProblemCode, readonly string[]>>> = {
  change_outdated: ['date_passed', 'date_not_later', 'currency_changed'],
  order_not_disputable: ['order_completed', 'order_cancelled'],
};

/** What a refusal is counted as: its code, also with its reason, or with the code of each fault of the input. */
export function outcomesOf(text: string): string[] {
  try {
    const {
      code,
      reason,
      errors = [],
    } = JSON.parse(text) as {
      code: string;
      reason?: string;
      errors?: readonly { code: string }[];
    };
    const parts = [...(reason === undefined ? [] : [reason]), ...errors.map((error) => error.code)];
    return [code, ...new Set(parts.map((part) => `${code} ${part}`))];
  } catch {
    return [];
  }
}

/** Every code that the fuzzer has to be answered with, or it would not know the rule behind it. */
export const REACHABLE: readonly string[] = [
  ...(Object.keys(PROBLEMS) as ProblemCode[])
    .filter((code) => BEYOND[code] === undefined)
    .flatMap((code) => [code, ...(REASONS[code] ?? []).map((reason) => `${code} ${reason}`)]),
  ...INPUT_ERROR_CODES.map((code) => `${code === 'not_later_than' ? 'invalid_change' : 'validation_failed'} ${code}`),
];
