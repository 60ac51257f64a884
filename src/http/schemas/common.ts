import { z } from 'zod';
import { LIMITS } from '../../domain/rules.ts';
import { USER_ID } from '../../operations/caller.ts';

const ID_PATTERN = /^[A-Za-z0-9._:-]{1,128}$/;

export const OrderId = z
  .string()
  .regex(ID_PATTERN, 'must be 1 to 128 of A-Z a-z 0-9 . _ : -')
  .meta({ id: 'OrderId', description: "The order service's own id of an order.", examples: ['order-1001'] });

export const UserId = z
  .string()
  .regex(USER_ID, 'must be 1 to 128 printable ASCII characters without white space; in an address, percent-encode them')
  .meta({
    id: 'UserId',
    description:
      'The id of a user, as the identity provider issues it: the `sub` of its tokens, or the claim that `AUTH_USER_CLAIM` ' +
      'names. Opaque, and compared as it stands. In an address, percent-encode it: `auth0%7C5f7c12`, `ana%2Bb%40example.org`.',
    examples: ['user-7', 'auth0|5f7c12', 'ana@example.org'],
  });

export const DisputeId = z
  .uuid('must be a UUID')
  .toLowerCase()
  .meta({ id: 'DisputeId', description: 'A UUID v7, made when the dispute is opened.' });

/** What an entity tag looks like in a header and in a body. */
export const ENTITY_TAG_PATTERN = '^"[!#-~]+"$';
export const EXAMPLE_TAG = '"6f1c0a9b3d5e7f24.9d2b4c6e8f0a1b3d"';

export const EntityTag = z
  .string()
  .regex(new RegExp(ENTITY_TAG_PATTERN))
  .meta({
    id: 'EntityTag',
    description: 'The `ETag` of this, quotes included: send it as `If-Match`, or as `If-None-Match`, as it stands.',
    examples: [EXAMPLE_TAG],
  });

/** An instant as it is sent: RFC 3339 in UTC with milliseconds. */
export const Timestamp = z.iso.datetime({ precision: 3 }).meta({
  id: 'Timestamp',
  description: 'RFC 3339, in UTC, with milliseconds.',
  examples: ['2026-11-23T10:00:00.000Z'],
});

const LATEST = Date.parse('9999-12-31T23:59:59.999Z');

/** An instant as it is received: RFC 3339 with any offset, kept in whole milliseconds. */
export const InstantInput = z
  .string()
  .max(40)
  .refine((text) => z.iso.datetime({ offset: true }).safeParse(text).success, 'must be an RFC 3339 date and time')
  .transform((text) => Date.parse(text))
  .refine((instant) => instant >= 0 && instant <= LATEST, 'must lie between the years 1970 and 9999')
  .meta({
    id: 'InstantInput',
    description: 'RFC 3339 with any offset, such as 2026-12-01T18:00:00+01:00; it is kept in UTC, in milliseconds.',
    format: 'date-time',
    examples: ['2026-12-01T17:00:00.000Z'],
  });

/** Length as people and JSON Schema count it. */
const codePoints = (text: string): number => [...text].length;
// Control characters, but for line breaks and tabs where they are allowed; and halves of surrogate pairs.
const CONTROL = /[\p{Cc}\p{Cs}]/u;

function text(maxLength: number, lineBreaks: boolean) {
  const printable = (value: string) => !CONTROL.test(lineBreaks ? value.replace(/[\n\t]/g, '') : value);
  return z
    .string()
    .max(maxLength * 4, `must have at most ${maxLength} characters`)
    .transform((value) => value.replace(/\r\n/g, '\n').trim().normalize('NFC'))
    .refine(printable, `must not have control characters${lineBreaks ? ' other than line breaks and tabs' : ''}`)
    .refine((value) => value !== '', 'must not be blank')
    .refine((value) => codePoints(value) <= maxLength, `must have at most ${maxLength} characters`);
}

export const Comment = text(LIMITS.commentLength, true).meta({
  id: 'Comment',
  description: `1 to ${LIMITS.commentLength} characters after trimming; line breaks and tabs are kept, other control characters refused.`,
  minLength: 1,
  maxLength: LIMITS.commentLength,
  examples: ['Two weeks late.'],
});

export const Title = text(LIMITS.titleLength, false).meta({
  id: 'Title',
  description: `1 to ${LIMITS.titleLength} characters after trimming, on one line.`,
  minLength: 1,
  maxLength: LIMITS.titleLength,
  examples: ['Logo design'],
});

export const Note = text(1_000, true).meta({
  id: 'Note',
  description: 'Why, for other operators: 1 to 1000 characters.',
  minLength: 1,
  maxLength: 1_000,
});

export const Amount = z
  .int()
  .min(0)
  .max(LIMITS.amount)
  .meta({ id: 'Amount', description: 'Integer minor units.', examples: [1500] });

export const Money = z
  .strictObject({
    amount: Amount,
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code')
      .meta({ description: 'ISO 4217.', examples: ['USD'] }),
  })
  .meta({ id: 'Money', description: 'An amount in integer minor units of its currency.' });

export const Extra = z
  .strictObject({ title: Title, price: Amount })
  .meta({ id: 'Extra', description: "Additional work; its price is in minor units of the order's currency." });
