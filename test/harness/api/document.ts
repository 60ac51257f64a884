import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { api } from '../../../src/endpoints.ts';
import { apiDocument } from '../../../src/http/openapi/docs.ts';

/** The parts of the OpenAPI document that tests look at. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface DocumentedOperation {
  readonly tags: readonly string[];
  readonly operationId: string;
  readonly parameters?: readonly { readonly $ref?: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, DocumentedMedia>> };
  readonly responses: Readonly<Record<string, DocumentedResponse>>;
}

export interface DocumentedResponse {
  readonly headers?: Readonly<Record<string, { readonly $ref: string }>>;
  readonly content?: Readonly<Record<string, DocumentedMedia>>;
}

export interface DocumentedMedia {
  readonly schema: unknown;
  readonly examples?: Readonly<Record<string, unknown>>;
}

export const document = apiDocument(api) as unknown as ApiDocument;

const ROOT = 'openapi';
const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, strict: true, strictRequired: false });
addFormats.default(ajv);
// The document says it of `Timestamp` in words: in UTC, with milliseconds. Requests in examples are written in the same way.
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
ajv.addFormat('date-time', (text) => TIMESTAMP.test(text) && new Date(text).toJSON() === text);
// The document is no schema itself, but it holds them all, and they refer to each other by their place in it.
ajv.addVocabulary(Object.keys(document));
ajv.addSchema(document, ROOT, undefined, false);

const compiled = new Map<string, ValidateFunction>();

/** Turns the keys on the way to a part of the document into a JSON pointer. */
export function pointerTo(...keys: readonly string[]): string {
  return keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** What is wrong with a value by the schema at a pointer of the document; null if nothing is. */
export function faultOf(pointer: string, value: unknown): string | null {
  let validate = compiled.get(pointer);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `${ROOT}#${encodeURI(pointer)}` });
    compiled.set(pointer, validate);
  }
  const isValid: boolean = validate(value);
  return isValid ? null : ajv.errorsText(validate.errors, { dataVar: 'value' });
}

/** Finds the part of the document that a reference within it points at; undefined if there is none. */
export function resolveRef(ref: string): unknown {
  const keys = ref.replace(/^#\//, '').split('/');
  return keys.reduce<unknown>(
    (at, key) => (at as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')],
    document,
  );
}
