/** Minor units of a currency: 2 for USD, 0 for JPY, 3 for KWD. */
export function fractionDigits(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/**
 * Reads a price as people type it, without going through a fraction: `1,234.5`, `1.234,50` and `1 234,5` are all 123450 of
 * a currency with two digits. The last separator is the decimal one if at most `digits` digits follow it.
 * @returns minor units, or null if it is no such price
 */
export function parseAmount(text: string, digits: number): number | null {
  const compact = text.replace(/[\s\u00a0\u202f'’]/g, '');
  const [, whole = '', separator = '', fraction = ''] = /^(\d[\d.,]*?)(?:([.,])(\d*))?$/.exec(compact) ?? [];
  if (whole === '') return null;
  const isDecimal = separator !== '' && fraction.length <= digits;
  if (!isDecimal && separator !== '' && fraction.length !== 3) return null;
  const integer = isDecimal ? whole : `${whole}${separator}${fraction}`;
  if (!/^\d+$|^\d{1,3}([.,])\d{3}(?:\1\d{3})*$/.test(integer)) return null;
  const minor = Number(integer.replace(/[.,]/g, '') + (isDecimal ? fraction : '').padEnd(digits, '0'));
  return Number.isSafeInteger(minor) ? minor : null;
}
