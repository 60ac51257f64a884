import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Filter, type Position, SORTS, type Sort } from '../../application/read.ts';
import { inputError } from '../problems/input-errors.ts';
import { invalidInput } from '../problems/problems.ts';
import { NOT_OURS } from '../schemas/input.ts';

const CHECK_LENGTH = 12;

/** Ties a place to its list: not against forgers, whom it would get no further than their own list, but against mistakes. */
function checkOf(place: readonly unknown[], list: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([place, list]))
    .digest('base64url')
    .slice(0, CHECK_LENGTH);
}

/**
 * Makes a text of a place in a list that only this service needs to understand.
 * @param list what tells this list from all others, such as its filters
 */
export function encodeToken(place: readonly unknown[], list: unknown): string {
  return Buffer.from(JSON.stringify([checkOf(place, list), ...place])).toString('base64url');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Refuses a text that is no cursor of this list. */
export function refuseCursor(): never {
  throw invalidInput(inputError('/query/cursor', 'invalid_format', {}, NOT_OURS));
}

/**
 * Reads what `encodeToken` made for the same list.
 * @throws ProblemError `validation_failed` for any other text
 */
export function decodeToken<T extends readonly unknown[]>(token: string, list: unknown, shape: z.ZodType<T>): T {
  const parsed = parseJson(Buffer.from(token, 'base64url').toString('utf8'));
  const [check, ...rest] = Array.isArray(parsed) ? parsed : [];
  const place = shape.safeParse(rest);
  return place.success && check === checkOf(place.data, list) ? place.data : refuseCursor();
}

const LATEST = Date.parse('9999-12-31T23:59:59.999Z');
const Place = z.tuple([z.enum(SORTS), z.int().min(0).max(LATEST), z.uuid()]);

/** The cursor of a place in a list of disputes. */
export function encodeCursor({ sort, value, id }: Position, filter: Filter): string {
  return encodeToken([sort, value, id], filter);
}

/**
 * Reads a cursor of a list with the same filter, in the same order.
 * @throws ProblemError `validation_failed` for any other text
 */
export function decodeCursor(cursor: string, filter: Filter, sort: Sort): Position {
  const [of, value, id] = decodeToken(cursor, filter, Place);
  return of === sort ? { sort, value, id } : refuseCursor();
}
