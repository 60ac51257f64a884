import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { document, faultOf, pointerTo, resolveRef } from '../../harness/api/document.ts';

const FILE = join(import.meta.dirname, '../../../openapi/openapi.json');

interface Place {
  readonly pointer: string;
  readonly key: string;
  /** The key of what it stands in: under `properties`, names are the API's and not the document's. */
  readonly parentKey: string;
  readonly value: unknown;
}

type Example = { readonly $ref: string } | { readonly value: unknown };

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly example?: unknown;
  readonly examples?: unknown;
}

interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly maximum?: number;
}

/** Everything in the document, with where it stands. */
function* placesIn(value: unknown, pointer = '', key = '', parentKey = ''): Generator<Place> {
  yield { pointer, key, parentKey, value };
  if (value === null || typeof value !== 'object') return;
  for (const [name, inner] of Object.entries(value)) yield* placesIn(inner, pointer + pointerTo(name), name, key);
}

const places = [...placesIn(document)];
const parentOf = (pointer: string): string => pointer.slice(0, pointer.lastIndexOf('/'));
const refs = places.flatMap(({ key, value }) => (key === '$ref' && typeof value === 'string' ? [value] : []));
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

describe('the OpenAPI document', () => {
  test('is the one in openapi/openapi.json; npm run openapi writes it', async () => {
    expect(JSON.parse(await readFile(FILE, 'utf8'))).toEqual(document);
  });

  test('names each operation once', () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(ids).toEqual([...new Set(ids)]);
    expect(ids.length).toBeGreaterThan(10);
  });

  test('has something at the end of every reference', () => {
    expect(refs.filter((ref) => !ref.startsWith('#/') || resolveRef(ref) === undefined)).toEqual([]);
    expect(refs.length).toBeGreaterThan(10);
  });

  test('has no component that nothing refers to', () => {
    const named = Object.entries(document.components)
      .filter(([kind]) => kind !== 'securitySchemes')
      .flatMap(([kind, parts]) => Object.keys(parts).map((name) => `#/components/${kind}/${name}`));
    expect(named.filter((name) => !refs.includes(name))).toEqual([]);
  });

  test('gives only examples that its own schemas allow', () => {
    const ofSchemas = places
      .filter(({ key, parentKey, value }) => key === 'examples' && parentKey !== 'properties' && Array.isArray(value))
      .flatMap(({ pointer, value }) => (value as unknown[]).map((example) => ({ schema: parentOf(pointer), example })));
    const ofParts = places
      .filter(({ key, parentKey }) => key === 'example' && parentKey !== 'properties' && parentKey !== 'examples')
      .map(({ pointer, value }) => ({ schema: `${parentOf(pointer)}/schema`, example: value }));
    const ofMedia = places
      .filter(({ key, parentKey, value }) => key === 'examples' && parentKey !== 'components' && !Array.isArray(value))
      .flatMap(({ pointer, value }) =>
        Object.values(value as Record<string, Example>).map((example) => ({
          schema: `${parentOf(pointer)}/schema`,
          example: ('$ref' in example ? (resolveRef(example.$ref) as { value: unknown }) : example).value,
        })),
      );
    for (const examples of [ofSchemas, ofParts, ofMedia]) expect(examples.length).toBeGreaterThan(10);
    const faults = [...ofSchemas, ...ofParts, ...ofMedia].map(({ schema, example }) => ({
      schema,
      fault: faultOf(schema, example),
    }));
    expect(faults.filter(({ fault }) => fault !== null)).toEqual([]);
  });
});

describe('everything that a caller sends or gets has an example (else: test/examples, then npm run openapi)', () => {
  const isForPeople = (path: string) => path !== '/metrics' && path !== '/openapi.json';
  const parts = Object.entries(document.paths)
    .filter(([path]) => isForPeople(path))
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));

  test('every body of a request', () => {
    const without = parts.filter(
      ({ operation }) =>
        Object.keys(operation.requestBody?.content['application/json']?.examples ?? { none: 0 }).length === 0,
    );
    expect(without).toEqual([]);
    expect(parts.some(({ operation }) => operation.requestBody !== undefined)).toBe(true);
  });

  test('every success', () => {
    const without = parts.filter(({ operation }) => {
      const successes = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
      return !successes.some(([, { content = {} }]) =>
        Object.values(content).every(({ examples }) => Object.keys(examples ?? {}).length > 0),
      );
    });
    expect(without.map(({ operation }) => operation.operationId)).toEqual([]);
  });

  test('every code of a refusal', () => {
    const codes = places.flatMap(({ pointer, key, value }) =>
      key === 'enum' && pointer.includes('/responses/') && pointer.endsWith('/code/enum') ? (value as string[]) : [],
    );
    expect(codes.length).toBeGreaterThan(20);
    const known = Object.keys(document.components['examples'] as object);
    expect([...new Set(codes)].filter((code) => !known.includes(code))).toEqual([]);
  });
});

describe('a form that is made from the document', () => {
  const parameters = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.values(methods).flatMap(({ parameters: own = [] }) =>
      own.map((one) => ({ path, ...((typeof one.$ref === 'string' ? resolveRef(one.$ref) : one) as Parameter) })),
    ),
  );

  test('has every part of an address filled in', () => {
    const inPath = parameters.filter((one) => one.in === 'path');
    expect(inPath.length).toBeGreaterThan(10);
    expect(inPath.filter(({ example }) => typeof example !== 'string')).toEqual([]);
  });

  test('has no header and no filter filled in: one key for all calls, or a stale version, would make them fail', () => {
    const others = parameters.filter((one) => one.in !== 'path');
    expect(others.length).toBeGreaterThan(10);
    expect(others.filter((one) => one.example !== undefined || one.examples !== undefined)).toEqual([]);
  });
});

describe('generators of all languages understand the schemas', () => {
  const keywords = places.filter(({ parentKey }) => parentKey !== 'properties' && parentKey !== 'examples');
  const having = (name: string) => keywords.filter(({ key }) => key === name);
  const schemas = keywords.flatMap(({ value }) =>
    typeof value === 'object' && value !== null ? [value as Schema] : [],
  );
  const inSchemas = ({ pointer }: Place) => pointer.includes('/schema') && !/\/(examples?|default)\//.test(pointer);

  test('none has null for a default, null in an enum, or a const', () => {
    expect(having('default').filter(({ value }) => value === null)).toEqual([]);
    expect(having('enum').filter(({ value }) => Array.isArray(value) && value.includes(null))).toEqual([]);
    expect(having('const').filter(inSchemas)).toEqual([]);
  });

  test('a choice is only ever between something and null, or a command and its dry run: it needs no discriminator', () => {
    // The member `dryRun` tells them apart, and a command without that parameter never has it.
    const isDryRun = ({ value }: { value: unknown }) =>
      Array.isArray(value) && value.length === 2 && value[1]?.$ref === `${value[0]?.$ref}DryRun`;
    expect(having('oneOf').filter((one) => inSchemas(one) && !isDryRun(one))).toEqual([]);
    const choices = having('anyOf').filter(inSchemas);
    expect(choices.length).toBeGreaterThan(10);
    const isOrNull = (value: unknown) => Array.isArray(value) && value.length === 2 && value[1]?.type === 'null';
    expect(choices.filter(({ value }) => !isOrNull(value))).toEqual([]);
  });

  test('an integer of more than 32 bits says so', () => {
    const integers = schemas.filter(({ type }) => type === 'integer');
    expect(integers.length).toBeGreaterThan(10);
    const isLong = ({ maximum = 0 }: Schema) => maximum > 2 ** 31 - 1;
    expect(integers.filter((one) => isLong(one) !== (one.format === 'int64'))).toEqual([]);
  });

  test('a pattern is one for RE2, Java and ECMAScript alike', () => {
    const patterns = having('pattern')
      .filter(inSchemas)
      .map(({ value }) => String(value));
    expect(patterns.length).toBeGreaterThan(5);
    // Lookaround, named groups, references, properties of Unicode, and escapes that are not the same everywhere.
    const foreign = /\(\?[=!<]|\\[1-9]|\\[pPkuhRXAzZGQE]|\(\?[a-z]+[:)]/;
    expect(patterns.filter((pattern) => foreign.test(pattern))).toEqual([]);
    expect(patterns.filter((pattern) => !pattern.startsWith('^') || !pattern.endsWith('$'))).toEqual([]);
    for (const pattern of patterns) expect(() => new RegExp(pattern, 'u')).not.toThrow();
  });

  test('a format that makes a class of its own comes without a pattern', () => {
    const both = schemas.filter(({ pattern, format = '' }) => pattern !== undefined && /uuid|date-time/.test(format));
    expect(both).toEqual([]);
  });
});

test('an enum has a type, without which generators know no values', () => {
  const enums = places.filter(({ key, parentKey, value }) => {
    return key === 'enum' && parentKey !== 'properties' && Array.isArray(value);
  });
  const types = new Map(places.map(({ pointer, value }) => [pointer, value]));
  const untyped = enums.filter(({ pointer }) => types.get(`${parentOf(pointer)}/type`) === undefined);
  expect(enums.length).toBeGreaterThan(20);
  expect(untyped.map(({ pointer }) => pointer)).toEqual([]);
});
