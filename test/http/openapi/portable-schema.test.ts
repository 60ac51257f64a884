import { expect, test } from 'vitest';
import { portable } from '../../../src/http/openapi/portable-schema.ts';

test.each([
  ['null for a default is left out', { type: ['string', 'null'], default: null }, { type: ['string', 'null'] }],
  [
    'any other default stays',
    { type: 'integer', maximum: 100, default: 0 },
    { type: 'integer', maximum: 100, default: 0 },
  ],
  ['a const is an enum of one', { type: 'string', const: 'open' }, { type: 'string', enum: ['open'] }],
  [
    'more than 32 bits are int64',
    { type: 'integer', maximum: 2 ** 31 },
    { type: 'integer', maximum: 2 ** 31, format: 'int64' },
  ],
  ['32 bits need no format', { type: 'integer', maximum: 2 ** 31 - 1 }, { type: 'integer', maximum: 2 ** 31 - 1 }],
  [
    'a format of its own has no pattern',
    { type: 'string', format: 'uuid', pattern: '^x$' },
    { type: 'string', format: 'uuid' },
  ],
  ['a pattern alone stays', { type: 'string', pattern: '^x$' }, { type: 'string', pattern: '^x$' }],
  [
    'all of it holds for what is inside, and not for names of the API or examples',
    { properties: { default: { const: 1 } }, items: [{ const: 2 }], examples: [{ const: 3, default: null }] },
    { properties: { default: { enum: [1] } }, items: [{ enum: [2] }], examples: [{ const: 3, default: null }] },
  ],
])('%s', (_promise, schema, expected) => {
  expect(portable(schema)).toEqual(expected);
});
