import { z } from 'zod';
import { type Position, SORTS, type Sort } from '../store/listing.ts';
import { problemError } from './problems.ts';

const Encoded = z.tuple([z.enum(SORTS), z.int().min(0), z.uuid()]);

/** A place in a list as a text that only this service needs to understand. */
export function encodeCursor({ sort, value, id }: Position): string {
  return Buffer.from(JSON.stringify([sort, value, id])).toString('base64url');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Reads a cursor of a list in the same order.
 * @throws ProblemError `validation_failed` for any other text
 */
export function decodeCursor(cursor: string, sort: Sort): Position {
  const parsed = Encoded.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')));
  if (parsed.success && parsed.data[0] === sort) return { sort, value: parsed.data[1], id: parsed.data[2] };
  const message = 'must be the nextCursor of a page with the same sort';
  throw problemError('validation_failed', 'One thing is wrong with the request.', {
    extra: { errors: [{ pointer: '/query/cursor', message }] },
  });
}
