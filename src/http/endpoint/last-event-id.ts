import { type InputError, inputError } from '../problems/input-errors.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const ID = /^\d{1,16}$/;

/** The position that a reader of a stream has come to, by its Last-Event-ID; null where it sends none that is one. */
export function lastEventId(headers: Headers): number | null {
  const given = headers['last-event-id'];
  if (typeof given !== 'string' || !ID.test(given)) return null;
  const id = Number(given);
  return Number.isSafeInteger(id) ? id : null;
}

/** What is wrong with the Last-Event-ID that a request carries, if anything is. */
export function lastEventIdFault(headers: Headers): InputError | null {
  if (headers['last-event-id'] === undefined || lastEventId(headers) !== null) return null;
  return inputError('/header/last-event-id', 'invalid_format', {}, 'Send the id of a message of this stream.');
}
