import { z } from 'zod';
import { type Position, SORTS, type Sort } from '../store/listing.ts';
import { problemError } from './problems.ts';

/** Makes a text of a place in a list that only this service needs to understand. */
export function encodeToken(value: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
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
  const message = 'must be the nextCursor of a page of the same list';
  throw problemError('validation_failed', 'One thing is wrong with the request.', {
    extra: { errors: [{ pointer: '/query/cursor', message }] },
  });
}

/**
 * Reads what `encodeToken` made.
 * @throws ProblemError `validation_failed` for any other text
 */
export function decodeToken<T>(token: string, shape: z.ZodType<T>): T {
  const parsed = shape.safeParse(parseJson(Buffer.from(token, 'base64url').toString('utf8')));
  return parsed.success ? parsed.data : refuseCursor();
}

const LATEST = Date.parse('9999-12-31T23:59:59.999Z');
const PositionToken = z.tuple([z.enum(SORTS), z.int().min(0).max(LATEST), z.uuid()]);

/** The cursor of a place in a list of disputes. */
export function encodeCursor({ sort, value, id }: Position): string {
  return encodeToken([sort, value, id]);
}

/**
 * Reads a cursor of a list in the same order.
 * @throws ProblemError `validation_failed` for any other text
 */
export function decodeCursor(cursor: string, sort: Sort): Position {
  const [of, value, id] = decodeToken(cursor, PositionToken);
  return of === sort ? { sort, value, id } : refuseCursor();
}
