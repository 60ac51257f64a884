import { expect, test } from 'vitest';
import { document } from '../../harness/document.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | string[];
  readonly properties?: Readonly<Record<string, Schema>>;
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

/** Whether an answer has a list in `data` that nothing bounds: neither a page's limit and next place, nor a number of items. */
function unboundedLists(operation: Operation): string[] {
  const limit = operation.parameters?.find((parameter) => parameter.name === 'limit' && parameter.in === 'query');
  return Object.entries(operation.responses).flatMap(([status, { content }]) => {
    const answer = resolve(content?.['application/json']?.schema);
    const list = resolve(answer?.properties?.['data']);
    if (list?.type !== 'array') return [];
    const isPaged =
      limit?.schema?.maximum !== undefined &&
      ('nextCursor' in (answer?.properties ?? {}) || 'nextAfter' in (answer?.properties ?? {}));
    return isPaged || list.maxItems !== undefined ? [] : [`${operation.operationId} ${status}`];
  });
}

const operations = Object.values(document.paths).flatMap(
  (methods) => Object.values(methods).filter((one) => typeof one === 'object' && 'responses' in one) as Operation[],
);

test('every list that an operation answers with has a bound: a page, or a number of items', () => {
  const lists = operations.filter(({ responses }) =>
    Object.values(responses).some(
      ({ content }) => resolve(resolve(content?.['application/json']?.schema)?.properties?.['data'])?.type === 'array',
    ),
  );
  expect(lists.length).toBeGreaterThan(8);
  expect(operations.flatMap(unboundedLists)).toEqual([]);
});

test('a list without a bound is found', () => {
  const planted: Operation = {
    operationId: 'listEverything',
    responses: {
      200: { content: { 'application/json': { schema: { properties: { data: { type: 'array' } } } } } },
    },
  };
  expect(unboundedLists(planted)).toEqual(['listEverything 200']);
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
