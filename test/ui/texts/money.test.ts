import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fractionDigits, parseAmount } from '../../../ui/src/texts/money.ts';

describe('a price as people type it, by the separators of their language', () => {
  test.each([
    ['en', 'USD', '25', 2_500],
    ['en', 'USD', ' 25.5 ', 2_550],
    ['en', 'USD', '25.', 2_500],
    ['en', 'USD', '0', 0],
    ['en', 'USD', '1,234', 123_400],
    ['en', 'USD', '1,234.50', 123_450],
    ['en', 'USD', '1 234.50', 123_450],
    ['en', 'USD', "1'234.00", 123_400],
    ['en', 'JPY', '12,345', 12_345],
    ['en', 'BHD', '1.234', 1_234],
    ['en', 'BHD', '1,234', 1_234_000],
    ['en-IN', 'INR', '12,34,567', 123_456_700],
    ['de', 'USD', '25,50', 2_550],
    ['de', 'USD', '1.234,5', 123_450],
    ['de', 'USD', '12.345', 1_234_500],
    ['de', 'JPY', '1.500', 1_500],
    ['de', 'BHD', '1,234', 1_234],
    ['de-CH', 'CHF', '1’234.50', 123_450],
    ['fr', 'EUR', '25,5', 2_550],
    ['fr', 'EUR', '1 234,50', 123_450],
    ['fr', 'EUR', '1\u202f234,50', 123_450],
    ['pt-BR', 'BRL', '1.234,56', 123_456],
    ['pt-BR', 'USD', '1.234.567', 123_456_700],
    ['es', 'EUR', '1234,5', 123_450],
    ['es', 'EUR', '1.234,5', 123_450],
  ])('%s, %s: %j is %d minor units', (locale, currency, text, amount) => {
    expect(parseAmount(text, currency, locale)).toBe(amount);
  });

  test.each([
    ['en', 'USD', ['', ' ', 'abc', '-5', '.', ',5', '1e3', '25 USD', '99999999999999999']],
    ['en', 'USD', ['12.345', '12,34', '1,2345', '1,23,4', '12.34.56', '1.234,50', '1.234.567']],
    ['en', 'JPY', ['12.345', '12.5', '12,34']],
    ['en', 'BHD', ['1.2345']],
    ['de', 'USD', ['12,345', '12.34', '25.5', '1,234.50', '1,234,567']],
    ['de', 'JPY', ['12,345']],
    ['fr', 'EUR', ['12,345', '25.50', '12.345', '1.234,50', '1 23,5']],
    ['pt-BR', 'BRL', ['12,345', '12.34', '1,234.50']],
    ['es', 'EUR', ['12,345', '12.34', '1,234.50']],
  ])('%s, %s: none of %j is a price', (locale, currency, texts) => {
    expect(texts.filter((text) => parseAmount(text, currency, locale) !== null)).toEqual([]);
  });

  test('comes back from what Intl writes, in every language and currency of the element', () => {
    const locales = fc.constantFrom('en-US', 'de-DE', 'de-AT', 'de-CH', 'es-ES', 'fr-FR', 'pt-BR', 'pt-PT', 'en-IN');
    const currencies = fc.constantFrom('USD', 'JPY', 'KWD', 'EUR');
    fc.assert(
      fc.property(locales, currencies, fc.nat({ max: 2 ** 31 - 1 }), (locale, currency, amount) => {
        const digits = fractionDigits(currency);
        const format = new Intl.NumberFormat(locale, { minimumFractionDigits: digits });
        expect(parseAmount(format.format(amount / 10 ** digits), currency, locale)).toBe(amount);
      }),
    );
  });
});
