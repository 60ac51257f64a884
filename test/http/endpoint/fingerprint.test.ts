import { expect, test } from 'vitest';
import { fingerprintOf } from '../../../src/http/endpoint/fingerprint.ts';

const of = (body: unknown, params: unknown = { id: 'a' }, tag?: string) =>
  fingerprintOf('acceptDispute', { params, query: {}, body }, { 'if-match': tag });

test('a fingerprint does not depend on the order of members, however deep, nor on what is undefined', () => {
  const one = of({ a: 1, b: { c: [{ d: 1, e: 2 }], f: undefined } });
  expect(of({ b: { c: [{ e: 2, d: 1 }] }, a: 1, g: undefined })).toBe(one);
});

test('a fingerprint depends on values, their types, the order of a list, parameters, If-Match and the operation', () => {
  const query = {};
  const all = [
    of({ a: [1, 2] }),
    of({ a: [2, 1] }),
    of({ a: ['1', 2] }),
    of({ a: null }),
    of({}),
    of({ a: [1, 2] }, { id: 'b' }),
    of({ a: [1, 2] }, { id: 'a' }, '"1"'),
    fingerprintOf('declineDispute', { params: { id: 'a' }, query, body: { a: [1, 2] } }, {}),
    fingerprintOf('acceptDispute', { params: { id: 'a' }, query: { limit: 1 }, body: { a: [1, 2] } }, {}),
  ];
  expect(new Set(all).size).toBe(all.length);
});
