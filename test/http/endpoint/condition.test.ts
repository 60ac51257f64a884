import { describe, expect, test } from 'vitest';
import { entityTag, namesState, namesTag, parseCondition } from '../../../src/http/endpoint/etag.ts';

const TAG = entityTag('0123456789abcdef', 'fedcba9876543210');
const OPAQUE = TAG.slice(1, -1);

describe('a header that holds entity tags', () => {
  test.each([
    [TAG, [OPAQUE]],
    [` ${TAG} `, [OPAQUE]],
    ['"a", "b"', ['a', 'b']],
    ['"a","b"', ['a', 'b']],
    [', "a",, "b" ,', ['a', 'b']],
    ['"a,b"', ['a,b']],
    ['""', ['']],
    ['"\u00e9"', ['\u00e9']],
    ['*', '*'],
    [' * ', '*'],
  ])('is read: %j', (value, tags) => {
    expect(parseCondition(value)).toEqual(tags);
  });

  test.each([
    '',
    ' ',
    ',',
    'abc',
    '"abc',
    'abc"',
    '"a" "b"',
    '"a""b"',
    'W/*',
    'w/"a"',
    'W/ "a"',
    '*, "a"',
    '"a b"',
    "'a'",
    '1',
  ])('is refused where it is something else: %j', (value) => {
    expect(parseCondition(value)).toBeNull();
  });
});

describe('a tag that a proxy has rewritten equals the original', () => {
  test.each([
    ['nginx, HAProxy, Cloudflare', `W/${TAG}`],
    ['Apache mod_deflate', `"${OPAQUE}-gzip"`],
    ['Apache mod_brotli, Caddy', `"${OPAQUE}-br"`],
    ['Caddy', `"${OPAQUE}-zstd"`],
    ['Jetty', `"${OPAQUE}--gzip"`],
    ['others', `"${OPAQUE};gzip"`],
    ['others', `"${OPAQUE};br"`],
    ['two of them', `W/"${OPAQUE}-br-gzip"`],
  ])('%s: %s', (_proxy, rewritten) => {
    expect(parseCondition(rewritten)).toEqual([OPAQUE]);
  });

  test('and no other does', () => {
    for (const other of [`"${OPAQUE}-gzipped"`, `"${OPAQUE}-1"`, `"${OPAQUE}gzip"`, `"gzip-${OPAQUE}"`]) {
      const condition = parseCondition(other) ?? '*';
      expect([other, namesTag(condition, TAG)]).toEqual([other, false]);
    }
  });
});

describe('a condition', () => {
  test('names a state by a tag of any view of it, and a tag by that tag alone', () => {
    for (const [value, state, tag] of [
      [TAG, true, true],
      ['*', true, true],
      [`"other", ${TAG}`, true, true],
      [entityTag('0123456789abcdef', 'another'), true, false],
      [entityTag('0123456789abcdef'), true, false],
      [entityTag('fedcba9876543210', '0123456789abcdef'), false, false],
    ] as const) {
      const condition = parseCondition(value) ?? [];
      expect([value, namesState(condition, '0123456789abcdef'), namesTag(condition, TAG)]).toEqual([value, state, tag]);
    }
  });
});
