import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fractionDigits, parseAmount } from '../../ui/src/money.ts';

describe('a price as people type it', () => {
  test.each([
    ['25', 2, 2_500],
    ['25.5', 2, 2_550],
    ['25,50', 2, 2_550],
    ['1,234.50', 2, 123_450],
    ['1.234,50', 2, 123_450],
    ['1 234,5', 2, 123_450],
    ["1'234.00", 2, 123_400],
    ['1,234', 2, 123_400],
    ['1.234.567', 2, 123_456_700],
    ['0', 2, 0],
    ['25.', 2, 2_500],
    ['1500', 0, 1_500],
    ['1.500', 0, 1_500],
    ['1,234', 3, 1_234],
  ])('%j with %d digits is %d minor units', (text, digits, amount) => {
    expect(parseAmount(text, digits)).toBe(amount);
  });

  test.each(['', ' ', 'abc', '-5', '.', ',5', '1e3', '1.2345', '1,23,4', '12.34.56', '25 USD', '99999999999999999'])(
    '%j is no price',
    (text) => {
      expect(parseAmount(text, 2)).toBeNull();
    },
  );

  test('comes back from what Intl writes, in every language and currency of the element', () => {
    const locales = fc.constantFrom('en-US', 'de-DE', 'de-CH', 'es-ES', 'fr-FR', 'pt-BR');
    const currencies = fc.constantFrom('USD', 'JPY', 'KWD', 'EUR');
    fc.assert(
      fc.property(locales, currencies, fc.nat({ max: 2 ** 31 - 1 }), (locale, currency, amount) => {
        const digits = fractionDigits(currency);
        const format = new Intl.NumberFormat(locale, { minimumFractionDigits: digits });
        expect(parseAmount(format.format(amount / 10 ** digits), digits)).toBe(amount);
      }),
    );
  });
});
