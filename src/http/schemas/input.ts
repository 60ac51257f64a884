import { z } from 'zod';
import { fault, issueOf } from '../problems/input-errors.ts';

/** A member of a body that may be left out; null says the same. */
export function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** A member of a body that is null where it is left out. */
export function orNull<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? null);
}

/** A member of a body that has a value unless it is given one; null says the same as leaving it out. */
export function withDefault<T>(schema: z.ZodType<T>, value: T & z.core.util.NoUndefined<T>) {
  return schema
    .nullable()
    .default(value)
    .transform((given) => given ?? value);
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

type Refine = z.core.$RefinementCtx<unknown>;

const DIGITS = /^\d+$/;
const NO_DIGITS = 'Send a whole number, in plain decimal digits.';

/** The number that a query spells, up to those that numbers can count. */
const toNumber = (max: number) => (value: unknown, context: Refine) => {
  if (typeof value !== 'string') return value;
  const number = Number(value);
  if (DIGITS.test(value) && Number.isSafeInteger(number)) return number;
  // zod writes into an issue, so each one is a new object.
  if (DIGITS.test(value)) context.addIssue(issueOf('too_big', { maximum: max }));
  else context.addIssue(issueOf('invalid_type', { expected: 'integer' }, NO_DIGITS));
  return z.NEVER;
};

/** A query parameter that is a whole number, in plain decimal digits; without a default it may be left out. */
export function decimal(bounds: Bounds & { byDefault: number }): z.ZodType<number>;
export function decimal(bounds: Bounds): z.ZodType<number | undefined>;
export function decimal({ min, max, byDefault }: Bounds & { byDefault?: number }): z.ZodType<number | undefined> {
  const number = z.int().min(min).max(max);
  return z.preprocess(toNumber(max), byDefault === undefined ? number.optional() : number.default(byDefault));
}

const toBoolean = (value: unknown, context: Refine) => {
  if (typeof value !== 'string') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  context.addIssue(issueOf('invalid_type', { expected: 'boolean' }, 'Write true or false.'));
  return z.NEVER;
};

/** A query parameter that is `true` or `false`; leaving it out says the same as `false`. */
export function flag() {
  return z
    .preprocess(toBoolean, z.boolean().optional())
    .transform((value): true | undefined => (value === true ? true : undefined));
}

const toList = (value: unknown): unknown => (typeof value === 'string' ? value.split(',') : value);

/** A query parameter that takes several values, with commas between; each counts once, in the order of `values`. */
export function listOf<const T extends string>(values: readonly T[], item: z.ZodType<T> = z.enum(values)) {
  return z
    .preprocess(toList, z.array(item).min(1).optional())
    .transform((given) => (given === undefined ? undefined : values.filter((value) => given.includes(value))));
}

/** What is wrong with a cursor that no page of the list has given. */
export const NOT_OURS = 'Send the nextCursor of a page of the same list.';

/** The cursor of a list, as it was given with a page. */
export function cursor(maxLength: number) {
  return z
    .string()
    .refine((text) => text.length <= maxLength, fault('invalid_format', {}, NOT_OURS))
    .optional()
    .meta({ maxLength });
}
