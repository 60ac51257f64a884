import type { z } from 'zod';

/** What can be wrong with one part of the input. Clients choose their own words by these codes. */
export const INPUT_ERROR_CODES = [
  'required',
  'unknown',
  'invalid_type',
  'invalid_format',
  'too_short',
  'too_long',
  'too_small',
  'too_big',
  'not_one_of',
  'not_later_than',
  'blank',
] as const;
export type InputErrorCode = (typeof INPUT_ERROR_CODES)[number];

/** Every number of the input is a whole one. */
export const EXPECTED_TYPES = ['string', 'integer', 'boolean', 'array', 'object'] as const;
export type ExpectedType = (typeof EXPECTED_TYPES)[number];

/** The bounds that a code speaks of; each code has its own. */
export interface InputErrorParams {
  /** With `invalid_type`. */
  readonly expected?: ExpectedType;
  /** With `too_short` and `too_small`. */
  readonly minimum?: number;
  /** With `too_long` and `too_big`. */
  readonly maximum?: number;
  /** With `too_short` and `too_long`: what is counted. */
  readonly unit?: 'characters' | 'items';
  /** With `too_small` and `too_big` of a date, and with `not_later_than`: RFC 3339. */
  readonly earliest?: string;
  readonly latest?: string;
  readonly than?: string;
  /** With `too_big` of a duration: ISO 8601. */
  readonly longest?: string;
  /** With `not_one_of`. */
  readonly values?: readonly string[];
}

/** One thing that is wrong with the input; `message` is a sentence for the person who filled the form. */
export interface InputError {
  /** A JSON pointer (RFC 6901) into the body, or one that starts with /path, /query or /header. */
  readonly pointer: string;
  readonly code: InputErrorCode;
  readonly params?: InputErrorParams;
  readonly message: string;
}

const counted = (count: number): string => count.toLocaleString('en-US');

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
const dated = (instant = ''): string => `${DATE.format(new Date(instant))} UTC`;

const TYPE_SENTENCES: Readonly<Record<ExpectedType, string>> = {
  string: 'Send a text.',
  integer: 'Send a whole number.',
  boolean: 'Send true or false.',
  array: 'Send a list.',
  object: 'Send a JSON object.',
};

const unitOf = ({ unit = 'characters' }: InputErrorParams, count: number): string =>
  `${counted(count)} ${count === 1 ? unit.slice(0, -1) : unit}`;

function sentenceOf(code: InputErrorCode, params: InputErrorParams): string {
  const { expected = 'string', minimum = 0, maximum = 0, earliest, latest, longest, than, values = [] } = params;
  switch (code) {
    case 'required':
      return 'This is required.';
    case 'unknown':
      return 'This is not known here; leave it out.';
    case 'invalid_type':
      return TYPE_SENTENCES[expected];
    case 'invalid_format':
      return 'This is not written as it has to be.';
    case 'too_short':
      return `${params.unit === 'items' ? 'Give' : 'Write'} at least ${unitOf(params, minimum)}.`;
    case 'too_long':
      return `${params.unit === 'items' ? 'Give' : 'Write'} at most ${unitOf(params, maximum)}.`;
    case 'too_small':
      return earliest === undefined ? `Choose at least ${counted(minimum)}.` : `Choose ${dated(earliest)} or later.`;
    case 'too_big':
      if (longest !== undefined) return `Choose ${longest} or less.`;
      return latest === undefined ? `Choose at most ${counted(maximum)}.` : `Choose ${dated(latest)} or earlier.`;
    case 'not_one_of':
      return `Choose one of: ${values.join(', ')}.`;
    case 'not_later_than':
      return `Choose a date later than ${dated(than)}.`;
    case 'blank':
      return 'Write something that can be seen; white space alone does not count.';
    default:
      return code satisfies never;
  }
}

/**
 * Says what is wrong with one part of the input.
 * @param message replaces the sentence that follows from the code and its bounds
 */
export function inputError(
  pointer: string,
  code: InputErrorCode,
  params: InputErrorParams = {},
  message = sentenceOf(code, params),
): InputError {
  return { pointer, code, ...(Object.keys(params).length > 0 && { params }), message };
}

/** What `refine` takes to fail with a code of ours. */
export function fault(code: InputErrorCode, params: InputErrorParams = {}, message = sentenceOf(code, params)) {
  return { error: message, params: { code, params } };
}

/** What `addIssue` takes to fail with a code of ours. */
export function issueOf(code: InputErrorCode, params: InputErrorParams = {}, message = sentenceOf(code, params)) {
  return { code: 'custom' as const, message, params: { code, params } };
}

const NUMBERS: readonly string[] = ['int', 'number'] satisfies z.core.$ZodInvalidTypeExpected[];

function expectedType(expected: string): ExpectedType {
  if (NUMBERS.includes(expected)) return 'integer';
  return EXPECTED_TYPES.find((type) => type === expected) ?? 'string';
}

const boundOf = (issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall) =>
  Number('maximum' in issue ? issue.maximum : issue.minimum);

function sizeError(pointer: string, issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): InputError {
  const isAbove = issue.code === 'too_big';
  const bound = isAbove ? { maximum: boundOf(issue) } : { minimum: boundOf(issue) };
  if (issue.origin !== 'string' && issue.origin !== 'array') return inputError(pointer, issue.code, bound);
  const unit = issue.origin === 'string' ? 'characters' : 'items';
  return inputError(pointer, isAbove ? 'too_long' : 'too_short', { ...bound, unit });
}

const UNQUOTED: readonly ExpectedType[] = ['integer', 'boolean'];

function typeError(pointer: string, expected: ExpectedType, input: unknown): InputError {
  const isQuoted = typeof input === 'string' && UNQUOTED.includes(expected);
  const message = isQuoted ? TYPE_SENTENCES[expected].replace('.', ', without quotes around it.') : undefined;
  return inputError(pointer, 'invalid_type', { expected }, message);
}

function pointerOf(prefix: string, path: readonly PropertyKey[]): string {
  return prefix + path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

// An unknown name is repeated only if it looks like one: a text in its place may be a comment, which no refusal repeats.
const NAME = /^[\w./~-]{1,64}$/;

/** The pointer of an unknown name; of what holds it, where the name is not to be repeated. */
export function pointerOfUnknown(prefix: string, path: readonly PropertyKey[], name: string): string {
  return pointerOf(prefix, NAME.test(name) ? [...path, name] : path);
}

function errorsOfIssue(prefix: string, issue: z.core.$ZodIssue): InputError[] {
  const pointer = pointerOf(prefix, issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => inputError(pointerOfUnknown(prefix, issue.path, key), 'unknown'));
  }
  if (issue.code !== 'custom' && (issue.input === undefined || issue.input === null)) {
    return [inputError(pointer, 'required', {}, pointer === '' ? 'Send a JSON object as the body.' : undefined)];
  }
  switch (issue.code) {
    case 'invalid_type':
      return [typeError(pointer, expectedType(issue.expected), issue.input)];
    case 'too_big':
    case 'too_small':
      return [sizeError(pointer, issue)];
    case 'invalid_value':
      return [inputError(pointer, 'not_one_of', { values: issue.values.map(String) })];
    case 'custom': {
      // Every custom issue is made by `fault` or `issueOf`.
      const { code, params } = issue.params as ReturnType<typeof fault>['params'];
      return [inputError(pointer, code, params, issue.message)];
    }
    default:
      return [inputError(pointer, 'invalid_format', {}, issue.message)];
  }
}

/** Turns what a schema objects to into errors; the values must have been parsed with `reportInput`. */
export function errorsOf(prefix: string, issues: readonly z.core.$ZodIssue[]): InputError[] {
  return issues.flatMap((issue) => errorsOfIssue(prefix, issue));
}

/** One error for each part of the input: the first one says most. */
function firstOfEach(errors: readonly InputError[]): InputError[] {
  const seen = new Set<string>();
  return errors.filter(({ pointer }) => {
    if (seen.has(pointer)) return false;
    seen.add(pointer);
    return true;
  });
}

/** How many faults of an input a refusal names. */
export const MAX_ERRORS = 20;

/** The `detail` and the `errors` of a problem about the input: one error for each part of it, at most twenty. */
export function describeErrors(all: readonly InputError[]) {
  const errors = firstOfEach(all);
  const [first] = errors;
  const detail =
    errors.length === 1 && first !== undefined
      ? `${first.pointer === '' ? 'The body' : first.pointer}: ${first.message}`
      : `${errors.length} parts of the request are not valid; \`errors\` says what is wrong with each.`;
  return { detail, errors: errors.slice(0, MAX_ERRORS) };
}
