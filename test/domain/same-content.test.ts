import { expect, test } from 'vitest';
import { isSameContent } from '../../src/domain/same-content.ts';

test.each([
  ['a text', 'a', 'b'],
  ['a number', 1, 2],
  ['nothing and a text', null, ''],
  ['an amount', { amount: 1, currency: 'USD' }, { amount: 1, currency: 'EUR' }],
  ['a list', ['a', 'b'], ['b', 'a']],
  ['a longer list', ['a'], ['a', 'b']],
  ['a list of objects', [{ title: 'a' }], [{ title: 'b' }]],
  ['an object with another member', { a: undefined }, { b: undefined }],
  ['an empty list and an empty object', [], {}],
  ['nothing and an object', null, {}],
])('%s is told from another one, and not from a copy', (_what, a, b) => {
  expect([isSameContent(a, b), isSameContent(b, a)]).toEqual([false, false]);
  for (const value of [a, b]) expect(isSameContent(value, structuredClone(value))).toBe(true);
});

test('the order of members says nothing', () => {
  expect(isSameContent({ amount: 1, currency: 'USD' }, { currency: 'USD', amount: 1 })).toBe(true);
});
