import { InvalidArgumentError } from 'commander';
import { parseInstant } from '../http/endpoint/instants.ts';
import { OrderId } from '../http/schemas/common.ts';

/** Reads a whole number within bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text may be the id of a dispute; the id of an order may look like this, too. */
export const isUuid = (text: string): boolean => UUID.test(text);

/** Reads an id that becomes a part of an address. */
export function uuid(text: string): string {
  if (isUuid(text)) return text;
  throw new InvalidArgumentError('It must be a UUID.');
}

/** Reads an RFC 3339 instant, in milliseconds. */
export function instant(text: string): number {
  const value = parseInstant(text);
  if (value !== null) return value;
  throw new InvalidArgumentError('It must be an RFC 3339 date and time, such as 2026-11-23T10:00:00Z.');
}

/** Reads the id of an order, or the id of a dispute, which may be the id of an order by its form. */
export function orderOrDispute(text: string): string {
  if (OrderId.safeParse(text).success) return text;
  throw new InvalidArgumentError('It must be the id of an order or of a dispute.');
}

/** Reads an option that may be given more than once. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
