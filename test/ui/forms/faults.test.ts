import { expect, test } from 'vitest';
import { TEXTS } from '../../../src/http/texts/languages.ts';
import { faultText } from '../../../ui/src/forms/faults.ts';
import { createFormat } from '../../../ui/src/texts/format.ts';
import { createTranslate, textsOf } from '../../../ui/src/texts/texts.ts';

const words = { translate: createTranslate(textsOf(TEXTS.en)), format: createFormat('en') };

test.each([
  ['too_long', { maximum: 20, unit: 'items' }, 'At most 20 entries.'],
  ['too_long', { maximum: 4_000, unit: 'characters' }, 'At most 4,000 characters.'],
  ['too_short', { minimum: 1, unit: 'items' }, 'At least 1 entries.'],
  ['too_small', { minimum: 0 }, 'Choose at least 0.'],
  ['required', {}, 'This is required.'],
])('%s with %j is said as %s', (code, params, sentence) => {
  expect(faultText(words, { code, params })).toBe(sentence);
});

test('a bound that is a date is said as one', () => {
  const fault = { code: 'too_big', params: { latest: '2031-12-01T17:00:00.000Z' } };
  expect(faultText(words, fault)).toMatch(/^Choose .*2031.* or earlier\.$/);
});

test('a code without a text is said in the words of the API', () => {
  expect(faultText(words, { code: 'new_code', message: 'Do it otherwise.' })).toBe('Do it otherwise.');
});
