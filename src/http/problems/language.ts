import { LOCALES, type Locale, TEXTS, type Texts } from '../texts/languages.ts';
import type { InputError, InputErrorParams } from './input-errors.ts';

interface Formats {
  readonly number: Intl.NumberFormat;
  readonly instant: Intl.DateTimeFormat;
}

const formatsOf = (locale: Locale): Formats => ({
  number: new Intl.NumberFormat(locale),
  instant: new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' }),
});
const FORMATS = new Map(LOCALES.map((locale) => [locale, formatsOf(locale)]));

const INSTANTS: readonly string[] = ['earliest', 'latest', 'than'] satisfies (keyof InputErrorParams)[];

/** A bound of an error as its language writes it. */
function written(locale: Locale, name: string, value: unknown): string {
  const { number, instant } = FORMATS.get(locale) ?? formatsOf(locale);
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value === 'number') return number.format(value);
  return INSTANTS.includes(name) ? `${instant.format(new Date(String(value)))} UTC` : String(value);
}

/** The key of the sentence for an error: some codes have another one for lists and for dates. */
function keyOf({ code, params = {} }: InputError): keyof Texts {
  switch (code) {
    case 'too_short':
    case 'too_long':
      return params.unit === 'items' ? `error.${code}.items` : `error.${code}`;
    case 'too_small':
      return params.earliest === undefined ? `error.${code}` : `error.${code}.date`;
    case 'too_big':
      if (params.longest !== undefined) return 'error.too_big.duration';
      return params.latest === undefined ? `error.${code}` : `error.${code}.date`;
    default:
      return `error.${code}`;
  }
}

/** An error with its message in a language. In English it stays as it was made: its words fit the case. */
export function errorIn(locale: Locale, error: InputError): InputError {
  if (locale === 'en') return error;
  const params = Object.entries(error.params ?? {});
  const filled = params.reduce(
    (text, [name, value]) => text.replaceAll(`{${name}}`, () => written(locale, name, value)),
    TEXTS[locale][keyOf(error)],
  );
  return { ...error, message: filled };
}
