/** Minor units of a currency: 2 for USD, 0 for JPY, 3 for KWD. */
export function fractionDigits(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

const GROUP = ' ';

/** Writes a whole number with the groups of a locale, also where the locale leaves a single group out: 1234 in Spanish. */
const grouped = (whole: string, locale: string): Intl.NumberFormatPart[] =>
  new Intl.NumberFormat(locale, { useGrouping: 'always', numberingSystem: 'latn' }).formatToParts(BigInt(whole));

function separators(locale: string): { readonly decimal: string; readonly group: string } {
  const of = (parts: Intl.NumberFormatPart[], name: string) => parts.find(({ type }) => type === name)?.value;
  const fraction = new Intl.NumberFormat(locale, { numberingSystem: 'latn' }).formatToParts(0.5);
  return { decimal: of(fraction, 'decimal') ?? '.', group: of(grouped('1000000', locale), 'group') ?? ',' };
}

/**
 * Reads a price by the separators of a locale, without going through a fraction: `1,234.5` in English and `1.234,5` in German
 * are both 123450 of USD. A space or an apostrophe separates groups in every locale. Groups must be where the locale has them,
 * so that `12,34` in English is no price, and decimals at most those of the currency, so that `12.345` USD is none.
 * @returns minor units, or null if it is no such price
 */
export function parseAmount(text: string, currency: string, locale: string): number | null {
  const digits = fractionDigits(currency);
  const { decimal, group } = separators(locale);
  const plain = text
    .trim()
    .replaceAll(group, GROUP)
    .replace(/[\s'’]/g, GROUP);
  const [whole = '', fraction = '', ...more] = plain.split(decimal);
  if (more.length > 0 || !/^\d[\d ]*$/.test(whole) || !/^\d*$/.test(fraction) || fraction.length > digits) return null;
  const compact = whole.replaceAll(GROUP, '');
  const expected = grouped(compact, locale).map(({ type, value }) => (type === 'group' ? GROUP : value));
  if (whole !== compact && whole !== expected.join('')) return null;
  const minor = Number(compact + fraction.padEnd(digits, '0'));
  return Number.isSafeInteger(minor) ? minor : null;
}
