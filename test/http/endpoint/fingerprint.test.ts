import { expect, test } from 'vitest';
import { fingerprintOf } from '../../../src/http/endpoint/fingerprint.ts';

const of = (body: unknown, params: unknown = { id: 'a' }, tag?: string) =>
  fingerprintOf({ operationId: 'acceptDispute' }, { params, query: {}, body }, { 'if-match': tag });

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
    fingerprintOf({ operationId: 'declineDispute' }, { params: { id: 'a' }, query, body: { a: [1, 2] } }, {}),
    fingerprintOf(
      { operationId: 'acceptDispute' },
      { params: { id: 'a' }, query: { limit: 1 }, body: { a: [1, 2] } },
      {},
    ),
  ];
  expect(new Set(all).size).toBe(all.length);
});

test('a fingerprint does not depend on parameters that only shape the answer', () => {
  const advance = { operationId: 'advanceTestClock', answerParameters: ['wait'] };
  const at = (query: object) => fingerprintOf(advance, { params: { id: 'a' }, query, body: { by: 1 } }, {});
  expect(at({ wait: 0 })).toBe(at({ wait: 30 }));
  expect(at({ wait: 0, other: 1 })).not.toBe(at({ wait: 0 }));
});

test('a fingerprint does not depend on how a compressing proxy has rewritten the tags of If-Match', () => {
  const given = (tag: string) => of({}, { id: 'a' }, tag);
  for (const tag of ['W/"1.2"', '"1.2-gzip"', 'W/"1.2;gzip"', ' "1.2" ', '"1.2", W/"1.2"']) {
    expect([tag, given(tag)]).toEqual([tag, given('"1.2"')]);
  }
  expect(given('"2", W/"1"')).toBe(given('"1", "2"'));
  expect(given(' *')).toBe(given('*'));
  expect(new Set(['"1.2"', '"1.3"', '"1.2", "1.3"', '*', '"*"'].map(given)).size).toBe(5);
});
