import { z } from 'zod';
import type { Endpoint } from './endpoint.ts';

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly maxItems?: number;
}

/** A character may be written as the escape of each of its UTF-16 units, six bytes long. */
const ESCAPE_BYTES = 6;
/** A character counts once it is composed; up to four may have been sent for it, as file systems and macOS do. */
const PARTS_OF_A_CHARACTER = 4;
const SCALAR_BYTES = 32;
/** For line breaks and indentation. */
const WHITE_SPACE_BYTES = 16 * 1024;

const largest = (sizes: readonly number[]): number => Math.max(0, ...sizes);
const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
const escaped = (text: string): number => ESCAPE_BYTES * text.length + 2;

function stringBytes({ maxLength, pattern }: Schema): number {
  if (maxLength === undefined) throw new Error('a text of a request body has no greatest length');
  // What has a pattern is ASCII.
  return escaped('') + ESCAPE_BYTES * maxLength * (pattern === undefined ? PARTS_OF_A_CHARACTER : 1);
}

/** How many bytes the longest JSON text has that a schema allows, written without white space and with all of it escaped. */
function largestJson(schema: Schema, definitions: Readonly<Record<string, Schema>>): number {
  const of = (inner: Schema) => largestJson(inner, definitions);
  if (schema.$ref !== undefined) return of(definitions[schema.$ref.replace('#/$defs/', '')] ?? {});
  if (schema.anyOf !== undefined) return largest(schema.anyOf.map(of));
  if (schema.enum !== undefined) return largest(schema.enum.map((value) => escaped(String(value))));
  return largest([schema.type ?? 'any'].flat().map((type) => ofType(type, schema, of)));
}

function ofType(type: string, schema: Schema, of: (inner: Schema) => number): number {
  switch (type) {
    case 'object': {
      const members = Object.entries(schema.properties ?? {});
      return 2 + sum(members.map(([name, inner]) => escaped(name) + 2 + of(inner)));
    }
    case 'array':
      if (schema.maxItems === undefined) throw new Error('a list of a request body has no greatest length');
      return 2 + schema.maxItems * (1 + of(schema.items ?? {}));
    case 'string':
      return stringBytes(schema);
    case 'integer':
    case 'number':
    case 'boolean':
    case 'null':
      return SCALAR_BYTES;
    default:
      throw new Error(`the size of a request body of type ${type} is not known`);
  }
}

/**
 * How many bytes a request's body may have: as many as the longest one takes whose fields are within their own limits.
 * @throws if a text or a list of the body has no limit
 */
export function bodyLimitOf({ body }: Pick<Endpoint, 'body'>): number {
  if (body === undefined) return WHITE_SPACE_BYTES;
  const schema = z.toJSONSchema(body, { io: 'input' }) as Schema;
  return WHITE_SPACE_BYTES + largestJson(schema, schema.$defs ?? {});
}
