import type { Money } from '../api-types.ts';
import type { inWords } from './countdown.ts';
import { fractionDigits, parseAmount } from './money.ts';

/** Dates, prices and durations in the visitor's language and time zone. */
export interface Format {
  /** With weekday: for what lies ahead, such as a deadline. */
  readonly dateTime: (instant: string | number) => string;
  /** The time alone on the same day, else with the date. */
  readonly moment: (instant: string, now: number) => string;
  readonly money: (money: Money) => string;
  /** How a price is typed, for instance. */
  readonly samplePrice: (currency: string) => string;
  /** A price that was typed, as it was understood; undefined if it is none. */
  readonly typedPrice: (text: string, currency: string) => string | undefined;
  readonly number: (value: number) => string;
  readonly duration: (duration: ReturnType<typeof inWords>) => string;
  /** A list of things as a sentence has them. */
  readonly list: (items: readonly string[]) => string;
}

/** A locale that this browser knows; English otherwise. */
export function supported(locale: string): string {
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? 'en';
  } catch {
    return 'en';
  }
}

/** Makes the formats of a locale. */
export function createFormat(locale: string): Format {
  const full = new Intl.DateTimeFormat(locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: 'numeric',
    minute: '2-digit',
  });
  const withYear = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
  const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
  const number = new Intl.NumberFormat(locale);
  const list = new Intl.ListFormat(locale);
  const money: Format['money'] = ({ amount, currency }) =>
    new Intl.NumberFormat(locale, { style: 'currency', currency }).format(amount / 10 ** fractionDigits(currency));
  const isNear = (instant: Date, now: number) => Math.abs(instant.getTime() - now) < 180 * 86_400_000;
  return {
    dateTime: (instant) => {
      const date = new Date(instant);
      return (isNear(date, Date.now()) ? full : withYear).format(date);
    },
    moment: (instant, now) => {
      const date = new Date(instant);
      if (date.toDateString() === new Date(now).toDateString()) return time.format(date);
      return isNear(date, now) ? `${day.format(date)}, ${time.format(date)}` : withYear.format(date);
    },
    money,
    samplePrice: (currency) => {
      const digits = fractionDigits(currency);
      return new Intl.NumberFormat(locale, { minimumFractionDigits: digits }).format(digits === 0 ? 1_234 : 1_234.5);
    },
    typedPrice: (text, currency) => {
      const amount = parseAmount(text, currency, locale);
      return amount === null ? undefined : money({ amount, currency });
    },
    number: (value) => number.format(value),
    duration: ({ unit, count }) =>
      new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(count),
    list: (items) => list.format(items),
  };
}
