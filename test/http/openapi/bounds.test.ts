import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PAGE_BYTES } from '../../../src/http/endpoint/pages.ts';
import { document } from '../../harness/api/document.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly maxLength?: number;
  readonly maxItems?: number;
}
interface Parameter {
  readonly name?: string;
  readonly in?: string;
  readonly schema?: { readonly maximum?: number };
}
interface Operation {
  readonly operationId?: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }>
  >;
}

const schemas = document.components['schemas'] as Readonly<Record<string, Schema>>;
const resolve = (schema: Schema | undefined): Schema | undefined =>
  schema?.$ref === undefined ? schema : resolve(schemas[schema.$ref.split('/').at(-1) ?? '']);

/** The places of the lists in a schema that have no greatest number of items, at any depth. */
function endlessLists(given: Schema | undefined, place = '', within: readonly string[] = []): string[] {
  if (given === undefined || (given.$ref !== undefined && within.includes(given.$ref))) return [];
  const inside = given.$ref === undefined ? within : [...within, given.$ref];
  const { anyOf = [], allOf = [], properties = {}, items, type, maxItems } = resolve(given) ?? {};
  const own = [type].flat().includes('array') && maxItems === undefined ? [place] : [];
  return [
    ...own,
    ...endlessLists(items, `${place}[]`, inside),
    ...Object.entries(properties).flatMap(([name, one]) => endlessLists(one, `${place}.${name}`, inside)),
    ...[...anyOf, ...allOf].flatMap((one) => endlessLists(one, place, inside)),
  ];
}

/** The lists in the answers of an operation that nothing bounds: neither a page's limit and next place, nor a number of items. */
function unboundedLists({ operationId, parameters, responses }: Operation): string[] {
  const limit = parameters?.find((parameter) => parameter.name === 'limit' && parameter.in === 'query');
  return Object.entries(responses).flatMap(([status, { content = {} }]) =>
    Object.values(content).flatMap(({ schema }) => {
      const properties = resolve(schema)?.properties ?? {};
      const isPaged = limit?.schema?.maximum !== undefined && ('nextCursor' in properties || 'nextAfter' in properties);
      return endlessLists(schema)
        .filter((place) => !(isPaged && place === '.data'))
        .map((place) => `${operationId} ${status} ${place}`);
    }),
  );
}

const operations = Object.values(document.paths).flatMap(
  (methods) => Object.values(methods).filter((one) => typeof one === 'object' && 'responses' in one) as Operation[],
);

test('every list that an operation answers with, however deep in its answer, has a bound: a page, or a number of items', () => {
  const lists = operations.filter(({ responses }) =>
    Object.values(responses).some(
      ({ content }) => resolve(resolve(content?.['application/json']?.schema)?.properties?.['data'])?.type === 'array',
    ),
  );
  expect(lists.length).toBeGreaterThan(8);
  expect(operations.flatMap(unboundedLists)).toEqual([]);
});

/** How many bytes a value of a schema has at most as JSON; infinite where a text or a list has no greatest length. */
function largestBytes(given: Schema | undefined): number {
  const schema = resolve(given) ?? {};
  const { anyOf, enum: values, type, properties = {}, format, maxLength, maxItems, items } = schema;
  if (anyOf !== undefined) return Math.max(...anyOf.map(largestBytes));
  if (values !== undefined) return Math.max(...values.map((value) => JSON.stringify(value).length));
  const types = [type].flat();
  if (types.includes('array')) return (maxItems ?? Number.POSITIVE_INFINITY) * largestBytes(items);
  if (types.includes('object')) {
    const members = Object.entries(properties).map(([name, one]) => name.length + 4 + largestBytes(one));
    return members.reduce((all, one) => all + one, 2);
  }
  if (!types.includes('string')) return 32;
  // Six bytes for each escaped character.
  return format === undefined ? 6 * (maxLength ?? Number.POSITIVE_INFINITY) : 64;
}

const SOURCES = join(import.meta.dirname, '../../../src');
const sources = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(SOURCES, name), 'utf8'));
/** What makes a page that is bounded in bytes. */
const MAKERS = /boundedPage[<(]|presentTimeline\(/;

/** The body of an operation's 200. */
function answerOf({ responses }: Operation): Schema | undefined {
  const [content] = Object.entries(responses).flatMap(([status, one]) => (status === '200' ? [one.content] : []));
  return resolve(content?.['application/json']?.schema);
}

/** Whether pages of an operation may have more bytes than `PAGE_BYTES`: neither its schema nor its code bounds them. */
function mayBeLarge(operation: Operation): boolean {
  const { operationId, parameters } = operation;
  const answer = answerOf(operation);
  const limit = parameters?.find(({ name, in: place }) => name === 'limit' && place === 'query')?.schema?.maximum;
  const isSmall = limit !== undefined && limit * largestBytes(answer?.properties?.['data']?.items) <= PAGE_BYTES;
  return !isSmall && !sources.some((text) => text.includes(`operationId: '${operationId}'`) && MAKERS.test(text));
}

test('every page that an operation answers with is bounded in bytes, by its schema or by `boundedPage`', () => {
  const paged = operations.filter((operation) =>
    ['nextCursor', 'nextAfter'].some((name) => name in (answerOf(operation)?.properties ?? {})),
  );
  expect(paged.length).toBeGreaterThan(6);
  expect(paged.filter(mayBeLarge).map(({ operationId }) => operationId)).toEqual([]);
  // The check finds one that no code bounds.
  expect(paged.filter((one) => mayBeLarge({ ...one, operationId: 'another' })).length).toBeGreaterThan(4);
});

test('a list without a bound is found', () => {
  const planted: Operation = {
    operationId: 'listEverything',
    responses: {
      200: { content: { 'application/json': { schema: { properties: { data: { type: 'array' } } } } } },
    },
  };
  expect(unboundedLists(planted)).toEqual(['listEverything 200 .data']);
  const deep: Schema = { properties: { one: { anyOf: [{ properties: { many: { type: ['array', 'null'] } } }] } } };
  expect(endlessLists({ type: 'array', maxItems: 2, items: deep })).toEqual(['[].one.many']);
});

test('every number that a caller sends is a whole one, which `invalid_type` says', () => {
  const typesIn = (schema: unknown): string[] => {
    if (schema === null || typeof schema !== 'object') return [];
    const { $ref, type } = schema as { readonly $ref?: string; readonly type?: unknown };
    if ($ref !== undefined) return typesIn(resolve({ $ref }));
    return [...[type].flat().map(String), ...Object.values(schema).flatMap(typesIn)];
  };
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  const types = operations.flatMap(({ parameters, requestBody }) => typesIn({ parameters, requestBody }));
  expect(types).toContain('integer');
  expect(types).not.toContain('number');
});
