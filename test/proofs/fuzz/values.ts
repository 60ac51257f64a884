import { resolveRef } from '../../harness/api/document.ts';
import type { Random } from '../faults/load/random.ts';

/** A JSON Schema, as the document has them. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly format?: string;
  readonly pattern?: string;
}

/** Texts that have broken something somewhere. */
export const NASTY = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udc00x',
  '\u202e\u200b\ufeff',
  '\r\n\r\nHTTP/1.1 200 OK',
  "'; DROP TABLE orders; --",
  '" OR ""="',
  '{{7*7}}<%= 7*7 %>',
  '../../../etc/passwd',
  '%00%ff%E0%A4',
  '__proto__',
  'constructor',
  'toString',
  '\\u0000',
  '\u{1F469}\u200d\u{1F469}\u200d\u{1F467}',
  'Z\u0351\u036b\u0343'.repeat(20),
  '0198c5a0-0000-7000-8000-00000000000g',
  '99999999999999999999',
  '-0',
  '0x10',
  '1e3',
  '+5',
  ' 5',
  '5 ',
  '1.0',
  '\u0661',
  'open,resolved',
  'open,,resolved',
  ',',
  '.',
  '..',
  '2031-02-03T00:00:00 01:00',
  '2031-02-03t00:00:60z',
  'NaN',
  'null',
  '9999-12-31T23:59:60.999999999Z',
  '0000-00-00T00:00:00Z',
  '2031-02-03T00:00:00+99:99',
] as const;

/** Values of the wrong kind, or at the edge of the right one. */
export const ODD: readonly unknown[] = [
  ...[null, true, false, [], {}, [[]], { a: { b: {} } }, 0, -1, 1.5, 1e308, 2 ** 53, -(2 ** 63), 2 ** 31],
  ...[
    1500.0,
    2 ** 53 + 2,
    '\u3164\u200b',
    '\ufe0f',
    { amount: 1 },
    { amount: '1', currency: 'USD' },
    { amount: 1, currency: 'usd' },
  ],
  ...['x'.repeat(129), 'x'.repeat(4_001), '\u{1F600}'.repeat(4_000), ['x', 'x'], { $gt: '' }, { toString: 1 }],
];

const WORDS = [
  'Late.',
  'Two weeks late.',
  'Caf\u00e9 \u{1F600}',
  'a\nb',
  '\u4f60\u597d',
  "it's; -- fine",
  '<b>bold</b>',
  'x',
];
const SOME_ITEMS = 3;

function stringOf(random: Random, schema: Schema): string {
  if (schema.format === 'date-time') {
    const instant = new Date(random.int(0, 4_102_444_800_000)).toISOString();
    return random.chance(0.2) ? instant.replace('Z', '+05:30') : instant;
  }
  if (schema.format === 'uuid') return `0198c5a0-0000-7000-8000-${String(random.int(0, 999_999)).padStart(12, '0')}`;
  if (schema.examples !== undefined && random.chance(0.5)) return String(random.pick(schema.examples));
  if (schema.pattern === '^[A-Z]{3}$') return random.pick(['USD', 'EUR', 'JPY', 'XXX']);
  if (schema.pattern === '^[a-z_]{1,64}$')
    return random.pick(['late_delivery', 'other', 'unable_to_complete', 'no_such']);
  if (schema.pattern !== undefined) return `user-${random.int(1, 9)}`;
  const word = random.pick(WORDS);
  return random.chance(0.02) ? word.repeat(400).slice(0, schema.maxLength ?? 100) : word;
}

function objectOf(random: Random, { properties = {}, required = [] }: Schema): Record<string, unknown> {
  const chosen = Object.entries(properties).filter(([name]) => required.includes(name) || random.chance(0.5));
  return Object.fromEntries(chosen.map(([name, schema]) => [name, makeValue(random, schema)]));
}

/** A value that a schema of the document allows. */
export function makeValue(random: Random, schema: Schema): unknown {
  if (schema.$ref !== undefined) return makeValue(random, resolveRef(schema.$ref) as Schema);
  if (schema.enum !== undefined) return random.pick(schema.enum);
  if (schema.anyOf !== undefined) return makeValue(random, random.pick(schema.anyOf));
  const types = [schema.type ?? []].flat();
  switch (types.length > 1 ? random.pick(types) : types[0]) {
    case 'object':
      return objectOf(random, schema);
    case 'array': {
      const { minItems = 0, maxItems = SOME_ITEMS, items = {} } = schema;
      const length = random.int(minItems, Math.min(maxItems, minItems + SOME_ITEMS));
      return Array.from({ length }, () => makeValue(random, items));
    }
    case 'integer':
    case 'number': {
      const { minimum = 0, maximum = 1_000_000 } = schema;
      return random.chance(0.1)
        ? random.pick([minimum, maximum])
        : random.int(minimum, Math.min(maximum, minimum + 1_000));
    }
    case 'boolean':
      return random.chance(0.5);
    case 'null':
      return null;
    default:
      return stringOf(random, schema);
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value with one thing wrong with it: something missing, something unknown, or something of another kind. */
export function spoiled(random: Random, value: unknown): unknown {
  if (Array.isArray(value) && value.length > 0 && random.chance(0.6)) {
    const at = random.int(0, value.length - 1);
    return random.chance(0.2) ? Array(1_001).fill(value[at]) : value.with(at, spoiled(random, value[at]));
  }
  if (!isObject(value) || random.chance(0.1)) return random.chance(0.5) ? random.pick(NASTY) : random.pick(ODD);
  const names = Object.keys(value);
  const name = names.length === 0 ? null : random.pick(names);
  if (name === null || random.chance(0.25))
    return { ...value, [random.pick(['unknown', 'id', 'status ', ...NASTY])]: 1 };
  if (random.chance(0.25)) return Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
  return { ...value, [name]: spoiled(random, value[name]) };
}
