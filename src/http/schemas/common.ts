import { z } from 'zod';
import { USER_ID_CHARACTERS, USER_ID_LENGTH } from '../../application/caller.ts';
import { LIMITS } from '../../domain/rules.ts';
import { instantAdvice, iso, parseInstant } from '../endpoint/instants.ts';
import { fault, issueOf } from '../problems/input-errors.ts';

/** `.` and `..` are left out: they stand for other addresses in a path. Written without lookahead, which RE2 lacks. */
const ORDER_ID = /^(\.{0,2}[A-Za-z0-9_:-]|\.{3})[A-Za-z0-9._:-]*$/;
const ID_LENGTH = 128;

export const OrderId = z
  .string()
  .refine(
    (text) => text === '' || ORDER_ID.test(text),
    fault('invalid_format', {}, 'Write 1 to 128 of A-Z a-z 0-9 . _ : - (and neither "." nor "..").'),
  )
  .min(1)
  .max(ID_LENGTH)
  .meta({
    id: 'OrderId',
    description: "The order service's own id of an order: 1 to 128 of `A-Z a-z 0-9 . _ : -`, and neither `.` nor `..`.",
    pattern: ORDER_ID.source,
    examples: ['order-1001'],
  });

export const UserId = z
  .string()
  .regex(
    USER_ID_CHARACTERS,
    'Write 1 to 128 printable ASCII characters without white space; percent-encode them in an address.',
  )
  .min(1)
  .max(USER_ID_LENGTH)
  .meta({
    id: 'UserId',
    description:
      'The id of a user, as the identity provider issues it: the `sub` of its tokens, or the claim that `AUTH_USER_CLAIM` ' +
      'names. Opaque, and compared as it stands. In an address, percent-encode it: `auth0%7C5f7c12`, `ana%2Bb%40example.org`.',
    examples: ['user-7', 'auth0|5f7c12', 'ana@example.org'],
  });

/** A UUID in upper or lower case, kept in lower case. */
export const uuid = () => z.uuid('Write a UUID, with hyphens.').toLowerCase();

export const DisputeId = uuid().meta({ id: 'DisputeId', description: 'A UUID v7, made when the dispute is opened.' });

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

const EARLIEST = 0;
const LATEST = Date.parse('9999-12-31T23:59:59.999Z');
const INSTANT_LENGTH = 40;

type Refine = z.core.$RefinementCtx<string>;

/** Reads an instant of a request, in whole milliseconds, or says what is wrong with it. */
export function instantOf(text: string, context: Refine, form = 'an RFC 3339 date and time'): number {
  if (text.length > INSTANT_LENGTH) {
    context.addIssue(issueOf('too_long', { maximum: INSTANT_LENGTH, unit: 'characters' }));
    return z.NEVER;
  }
  const instant = parseInstant(text);
  if (instant === null) {
    context.addIssue(issueOf('invalid_format', {}, instantAdvice(text, form)));
    return z.NEVER;
  }
  if (instant < EARLIEST) {
    context.addIssue(issueOf('too_small', { earliest: iso(EARLIEST) }));
  } else if (instant > LATEST) {
    context.addIssue(issueOf('too_big', { latest: iso(LATEST) }));
  }
  return instant;
}

/** An instant as it is received: RFC 3339 with any offset, kept in whole milliseconds. */
export const InstantInput = z
  .string()
  .transform((text, context) => instantOf(text, context))
  .meta({
    id: 'InstantInput',
    description:
      'RFC 3339 with any offset, in upper or lower case, between the years 1970 and 9999, such as ' +
      '2026-12-01T18:00:00+01:00; it is kept in UTC, in milliseconds. In a query, write the plus sign as `%2B`.',
    format: 'date-time',
    maxLength: INSTANT_LENGTH,
    examples: ['2026-12-01T17:00:00.000Z'],
  });

/** Length as people and JSON Schema count it. */
const codePoints = (text: string): number => [...text].length;
// Line breaks and tabs are control characters, too.
const CONTROL = /\p{Cc}/u;
/** One half of a UTF-16 surrogate pair, as in a text that was cut in the middle of an emoji. PostgreSQL cannot keep it. */
const HALF_CHARACTER = /\p{Cs}/u;
// Format characters, variation selectors, fillers and the blank Braille pattern take no ink.
const VISIBLE = /[^\p{White_Space}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;

const HALF =
  'Write each character whole: the text has half of one (a lone UTF-16 surrogate), most often of an emoji that was cut off.';

function text(maxLength: number, lineBreaks: boolean) {
  const printable = (value: string) => !CONTROL.test(lineBreaks ? value.replace(/[\n\t]/g, '') : value);
  const controls = lineBreaks
    ? 'control characters; line breaks and tabs may stay'
    : 'line breaks and control characters';
  return z
    .string()
    .transform((value) => value.replace(/\r\n/g, '\n').trim().normalize('NFC'))
    .refine((value) => !HALF_CHARACTER.test(value), fault('invalid_format', {}, HALF))
    .refine(printable, fault('invalid_format', {}, `Leave out ${controls}.`))
    .refine((value) => VISIBLE.test(value), fault('blank'))
    .refine((value) => codePoints(value) <= maxLength, fault('too_long', { maximum: maxLength, unit: 'characters' }));
}

export const Comment = text(LIMITS.commentLength, true).meta({
  id: 'Comment',
  description:
    `1 to ${LIMITS.commentLength} characters after trimming, at least one of them visible; line breaks and tabs are kept, ` +
    'other control characters refused.',
  minLength: 1,
  maxLength: LIMITS.commentLength,
  examples: ['Two weeks late.'],
});

export const Title = text(LIMITS.titleLength, false).meta({
  id: 'Title',
  description: `1 to ${LIMITS.titleLength} characters after trimming, at least one of them visible, on one line.`,
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

// What the runtime knows: currencies of today, without funds, metals and codes for testing.
const CURRENCIES = new Set(Intl.supportedValuesOf('currency'));

export const Money = z
  .strictObject({
    amount: Amount,
    currency: z
      .string()
      .refine(
        (code) => CURRENCIES.has(code),
        fault('invalid_format', {}, 'Write the ISO 4217 code of a currency in use, in capitals, such as USD.'),
      )
      .meta({
        description: 'The ISO 4217 code of a currency in use.',
        pattern: '^[A-Z]{3}$',
        minLength: 3,
        maxLength: 3,
        examples: ['USD'],
      }),
  })
  .meta({ id: 'Money', description: 'An amount in integer minor units of its currency.' });

export const Extra = z
  .strictObject({ title: Title, price: Money })
  .meta({ id: 'Extra', description: "Additional work, with its price in the order's currency." });

export const Livemode = z.boolean().meta({ description: 'False in a sandbox.' });
