import { describe, expect, test } from 'vitest';
import { jsonFault } from '../../../src/http/problems/json-fault.ts';

describe('a JSON text', () => {
  test.each([
    '{}',
    '{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}',
    '{"a":"a","b":"a"}',
    '{"a":["a","a"]}',
    '{"a":"\\"a\\":1,\\"a\\":2"}',
    '{ "a" : 1 , "\\u0061b" : 2 }',
    '"a',
    '{"a',
    '}}]]{',
    '{"\\',
    `${'['.repeat(32)}${']'.repeat(32)}`,
  ])('passes: %s', (text) => {
    expect(jsonFault(text)).toBeNull();
  });

  test.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":{"c":1},"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"x":[{"a":1},{"a":1 , "a" \n : 2}]}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
  ])('has a member twice: %s', (text) => {
    expect(jsonFault(text)).toMatch(/two members/);
  });

  test.each([`${'['.repeat(33)}${']'.repeat(33)}`, '['.repeat(100_000), '{"a":'.repeat(100_000)])(
    'is nested too deeply: %#',
    (text) => {
      expect(jsonFault(text)).toMatch(/nested too deeply/);
    },
  );
});
