import type { FastifyRequest } from 'fastify';
import { problemError } from '../problems/problems.ts';

/** The media type of server-sent events. */
export const EVENT_STREAM = 'text/event-stream';

/** What an answer may be written in. */
export type Format = 'json' | 'csv' | 'events';

export const TYPES = {
  json: 'application/json',
  csv: 'text/csv',
  events: EVENT_STREAM,
} as const satisfies Record<Format, string>;

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  json: `${TYPES.json}; charset=utf-8`,
  csv: `${TYPES.csv}; charset=utf-8; header=present`,
  events: `${TYPES.events}; charset=utf-8`,
};

/** Also as a caller may ask for it that names the encoding. */
const named = (type: string): string[] => [type, `${type};charset=utf-8`];

/**
 * What a caller wants of what there is: the first, unless it asks for something else.
 * @throws ProblemError `not_acceptable` if it takes none of it, nor problems
 */
export function formatFor(request: FastifyRequest, formats: readonly [Format, ...Format[]] = ['json']): Format {
  const types = [...formats.map((format) => TYPES[format]), 'application/problem+json'];
  const wanted = request.accepts().type(types.flatMap(named));
  if (wanted === false) throw problemError('not_acceptable', `The answer here is ${types.join(' or ')}.`);
  return formats.find((format) => named(TYPES[format]).includes(String(wanted))) ?? formats[0];
}
