import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { errorsOf, type InputError, inputError, pointerOfUnknown } from '../problems/input-errors.ts';
import { invalidInput } from '../problems/problems.ts';
import { conditionFault } from './condition-fault.ts';
import { type Endpoint, isRevalidated } from './endpoint.ts';
import { keyFault } from './idempotency-key.ts';
import { lastEventIdFault } from './last-event-id.ts';

/** What a request says, beside its headers. */
export interface Input {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

type Given = Pick<FastifyRequest, 'params' | 'query' | 'body' | 'headers'>;

function headerFaults(operation: Endpoint, headers: FastifyRequest['headers']): InputError[] {
  const faults = [
    operation.takesKey ? keyFault(headers) : null,
    operation.takesIfMatch ? conditionFault(headers, 'if-match') : null,
    isRevalidated(operation) || operation.takesIfNoneMatch ? conditionFault(headers, 'if-none-match') : null,
    operation.takesLastEventId ? lastEventIdFault(headers) : null,
  ];
  return faults.filter((fault) => fault !== null);
}

const NOTHING = z.strictObject({});

const TWICE = 'Send this parameter once; where it takes several values, with commas between.';

/** A parameter without a value is mostly a variable that was not set; one that comes twice has no value that counts. */
export function queryFault(name: string, value: unknown): InputError | null {
  const pointer = pointerOfUnknown('/query', [], name);
  if (Array.isArray(value)) return inputError(pointer, 'invalid_format', {}, TWICE);
  return value === '' ? inputError(pointer, 'blank', {}, 'Give this parameter a value, or leave it out.') : null;
}

/** Takes the parameters that have no one value out of a query, and says what is wrong with them. */
function splitQuery(schema: z.ZodType, query: object) {
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const judged = Object.entries(query).map(([name, value]) => ({
    name,
    value,
    fault: known.includes(name) ? queryFault(name, value) : null,
  }));
  return {
    faults: judged.flatMap(({ fault }) => fault ?? []),
    rest: Object.fromEntries(judged.flatMap(({ name, value, fault }) => (fault === null ? [[name, value]] : []))),
  };
}

/** JSON has no way to leave a body out but `null`, which some clients send. */
const isAbsent = (body: unknown): boolean => body === undefined || body === null;

function strayBody(body: unknown): InputError[] {
  if (isAbsent(body) || JSON.stringify(body) === '{}') return [];
  return [inputError('', 'unknown', {}, 'Leave the body out: this operation takes none.')];
}

/**
 * Parses all parts of the input, and refuses what the operation does not take: a filter or a field that is silently
 * ignored would mislead.
 * @throws ProblemError `validation_failed`, with everything that is wrong at once
 */
export function parseInput(operation: Endpoint, given: Given): Input {
  const { params = NOTHING, query = NOTHING, body } = operation;
  const { faults, rest } = splitQuery(query, given.query as object);
  const errors = [...headerFaults(operation, given.headers), ...faults];
  const parse = (prefix: string, schema: z.ZodType, value: unknown): unknown => {
    const result = schema.safeParse(value, { reportInput: true });
    if (!result.success) errors.push(...errorsOf(prefix, result.error.issues));
    return result.data;
  };
  const parsed = { params: parse('/path', params, given.params), query: parse('/query', query, rest) };
  if (body === undefined) {
    errors.push(...strayBody(given.body));
    if (errors.length === 0) return { ...parsed, body: undefined };
  } else {
    const sent = operation.bodyMayBeAbsent && isAbsent(given.body) ? {} : given.body;
    const parsedBody = parse('', body, sent);
    if (errors.length === 0) return { ...parsed, body: parsedBody };
  }
  throw invalidInput(...errors);
}
