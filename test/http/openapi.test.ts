import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { document, faultOf, pointerTo, resolveRef } from '../harness/document.ts';

const FILE = join(import.meta.dirname, '../../openapi/openapi.json');

interface Place {
  readonly pointer: string;
  readonly key: string;
  /** The key of what it stands in: under `properties`, names are the API's and not the document's. */
  readonly parentKey: string;
  readonly value: unknown;
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
      .filter(({ key, parentKey }) => key === 'example' && parentKey !== 'properties')
      .map(({ pointer, value }) => ({ schema: `${parentOf(pointer)}/schema`, example: value }));
    const examples = [...ofSchemas, ...ofParts];
    expect(examples.length).toBeGreaterThan(10);
    const faults = examples.map(({ schema, example }) => ({ schema, fault: faultOf(schema, example) }));
    expect(faults.filter(({ fault }) => fault !== null)).toEqual([]);
  });
});
