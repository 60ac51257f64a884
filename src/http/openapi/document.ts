import { z } from 'zod';
import { VERSION } from '../../platform/version.ts';
import { type Endpoint, isRevalidated } from '../endpoint/endpoint.ts';
import { KEY_PATTERN } from '../endpoint/idempotency-key.ts';
import { TYPES } from '../endpoint/media-types.ts';
import { PROBLEMS, type ProblemCode } from '../problems/problems.ts';
import { problemsOf } from '../problems/refusals.ts';
import { ENTITY_TAG_PATTERN, EXAMPLE_TAG } from '../schemas/common.ts';
import { ProblemDocument } from '../schemas/problem.ts';
import { portable } from './portable-schema.ts';
import { addExamples } from './recorded-examples.ts';

type Json = Record<string, unknown>;

const SCHEMA_PREFIX = '#/components/schemas/';

/** Turns zod schemas into JSON Schema; those with an id are collected as components and referred to. */
class Components {
  readonly schemas: Record<string, Json> = {};

  /** A reference to a named schema, or an unnamed one in full. */
  schemaOf(schema: z.ZodType): Json {
    const {
      $schema: _,
      $defs,
      ...json
    } = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12', override: restoreExamples }) as Json;
    for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, Json>))
      this.#collect(name, definition);
    return portable(relocate(json)) as Json;
  }

  #collect(name: string, schema: Json): void {
    const definition = portable(relocate(schema)) as Json;
    const known = this.schemas[name];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(definition)) {
      throw new Error(`two schemas are named ${name}`);
    }
    this.schemas[name] = definition;
  }
}

/** Examples of what a caller sends are examples of the input, also where it is transformed; zod drops them then. */
function restoreExamples({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: Json }): void {
  const { examples } = z.globalRegistry.get(zodSchema) ?? {};
  if (examples !== undefined && jsonSchema['$ref'] === undefined) jsonSchema['examples'] = examples;
}

/** Points references at the components, and drops what only zod needs. */
function relocate(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relocate);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, inner]) =>
    key === '$ref' && typeof inner === 'string'
      ? [key, inner.replace('#/$defs/', SCHEMA_PREFIX)]
      : [key, relocate(inner)],
  );
  return Object.fromEntries(entries);
}

function parametersOf(components: Components, schema: z.ZodType | undefined, where: 'path' | 'query'): Json[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, part]) => {
    // Said once, of the parameter; a schema that is only referred to has its own.
    const { description, ...schema } = components.schemaOf(part);
    return {
      name,
      in: where,
      required: where === 'path' || !part.safeParse(undefined).success,
      ...(description !== undefined && { description }),
      // Several values of one parameter stand in one text, with commas between.
      ...(schema['type'] === 'array' && { style: 'form', explode: false }),
      schema,
    };
  });
}

function headerParameters(operation: Endpoint): Json[] {
  const { takesKey, takesIfMatch, takesIfNoneMatch, takesLastEventId, hasTexts } = operation;
  const taken = [
    takesKey && 'IdempotencyKey',
    takesIfMatch && 'IfMatch',
    takesIfNoneMatch && 'IfNew',
    isRevalidated(operation) ? 'IfNoneMatch' : undefined,
    takesLastEventId && 'LastEventId',
    hasTexts && 'AcceptLanguage',
  ];
  const refs = taken.filter((name) => name !== undefined);
  return refs.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

const PARAMETERS = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      'Makes a retry safe. For 24 hours the same key with the same request gives the first answer again, byte by byte, ' +
      'with `Idempotency-Replayed: true`; this holds for refusals, too. Requests are the same if their parameters and the ' +
      'parsed values of their bodies are. Keys are kept per caller; 1 to 255 printable ASCII characters, in quotes or not.',
    schema: { type: 'string', pattern: KEY_PATTERN },
  },
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    required: false,
    description:
      'The `ETag` (or `etag`) of the dispute or order as it was read. The request is refused with 412 if it has changed ' +
      'since, notices and what moves with the clock apart. `*` and lists of tags are taken, too, and tags that a compressing proxy has rewritten (`W/"…"`, `"…-gzip"`).',
    schema: { type: 'string' },
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description:
      'The `ETag` of what the caller has. The answer is 304, without a body, if that is still what it would get.',
    schema: { type: 'string' },
  },
  IfNew: {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description:
      '`*` writes only what does not exist yet, and entity tags only what is in none of these states; else the request is refused ' +
      'with 412. It counts for a repeated report, too.',
    schema: { type: 'string' },
  },
  AcceptLanguage: {
    name: 'Accept-Language',
    in: 'header',
    required: false,
    description:
      'Languages, such as `pt-BR, pt;q=0.8`. Labels are in the best match of those that `GET /v1/texts` has, else English. Problems have their `title` and ' +
      'the messages of their `errors` in it, too, for every operation.',
    schema: { type: 'string' },
  },
  LastEventId: {
    name: 'Last-Event-ID',
    in: 'header',
    required: false,
    description: 'The `id` of the last message that was read: the stream goes on behind it. It wins over `after`.',
    schema: { type: 'string', pattern: '^\\d{1,16}$' },
  },
};

const text = { type: 'string', minLength: 1 };

const RESPONSE_HEADERS: Record<string, Json> = {
  ETag: {
    description: 'Changes whenever anything but `serverTime` changes; for If-Match and If-None-Match.',
    required: true,
    schema: { type: 'string', pattern: ENTITY_TAG_PATTERN },
    example: EXAMPLE_TAG,
  },
  Location: { description: 'Where the new resource is.', required: true, schema: { ...text, format: 'uri-reference' } },
  'Content-Language': {
    description: 'The language of the texts for people.',
    required: true,
    schema: text,
    example: 'pt-BR',
  },
  'Idempotency-Replayed': {
    description: '`true` where this is the answer to an earlier request with the same key.',
    schema: { type: 'string', enum: ['true'] },
  },
  'Retry-After': {
    description: 'Seconds after which to try again.',
    required: true,
    schema: { type: 'string', pattern: '^\\d+$' },
    example: '1',
  },
  'RateLimit-Limit': {
    description: 'How many requests a caller may send in a minute.',
    schema: { type: 'string', pattern: '^\\d+$' },
  },
  'RateLimit-Remaining': {
    description: 'How many are left in this minute.',
    schema: { type: 'string', pattern: '^\\d+$' },
  },
  'RateLimit-Reset': { description: 'Seconds until the next.', schema: { type: 'string', pattern: '^\\d+$' } },
  'WWW-Authenticate': {
    description:
      'Why the request proves nothing about its sender (RFC 6750): `Bearer` alone without a token, else with ' +
      '`error="invalid_token"` and the reason in `error_description`.',
    required: true,
    schema: text,
    example: 'Bearer error="invalid_token", error_description="The token has expired."',
  },
  CommandETag: {
    description: 'As everywhere; absent in a dry run.',
    schema: { type: 'string', pattern: ENTITY_TAG_PATTERN },
    example: EXAMPLE_TAG,
  },
  CommandLocation: {
    description: 'Where the new resource is; absent in a dry run.',
    schema: { ...text, format: 'uri-reference' },
  },
  InsufficientScope: {
    description: 'The scope that the token lacks, as the issuer has to write it; absent where no scope would help.',
    schema: text,
    example: 'Bearer error="insufficient_scope", scope="orders:write"',
  },
};

/** Components that describe a header by another name than its own. */
const HEADER_NAMES: Readonly<Record<string, string>> = {
  InsufficientScope: 'WWW-Authenticate',
  CommandETag: 'ETag',
  CommandLocation: 'Location',
};

function eitherOf(components: Components, schema: z.ZodType, other: z.ZodType | undefined): Json {
  const one = components.schemaOf(schema);
  return other === undefined ? one : { oneOf: [one, components.schemaOf(other)] };
}

function headersOf(components: readonly string[]): Json {
  if (components.length === 0) return {};
  const refs = components.map((name) => [HEADER_NAMES[name] ?? name, { $ref: `#/components/headers/${name}` }]);
  return { headers: Object.fromEntries(refs) };
}

/** Headers that a success has unless it is the success of a dry run. */
const UNLESS_DRY_RUN: Readonly<Record<string, string>> = { ETag: 'CommandETag', Location: 'CommandLocation' };

function successResponses(components: Components, operation: Endpoint): Json {
  const common = [
    ...(operation.takesKey ? ['Idempotency-Replayed'] : []),
    ...(operation.hasTexts ? ['Content-Language'] : []),
  ];
  const dry = new Map(operation.success.flatMap((one) => (one.dryRun === true ? [[one.status, one] as const] : [])));
  const real = operation.success.filter(({ dryRun }) => dryRun !== true);
  return Object.fromEntries(
    real.map(({ status, description, schema, mediaType = 'application/json', headers = [] }) => [
      String(status),
      {
        description: [description, dry.get(status)?.description].filter((text) => text !== undefined).join(' '),
        ...headersOf([...(dry.has(status) ? headers.map((name) => UNLESS_DRY_RUN[name] ?? name) : headers), ...common]),
        content: {
          [mediaType]: { schema: eitherOf(components, schema, dry.get(status)?.schema) },
          ...(operation.hasCsv && { [TYPES.csv]: { schema: { type: 'string' } } }),
        },
      },
    ]),
  );
}

/** What a caller gets that has the current version already. */
function notModified(operation: Endpoint): Json {
  if (!isRevalidated(operation)) return {};
  const headers = operation.hasTexts ? ['ETag', 'Content-Language'] : ['ETag'];
  return { '304': { description: 'It has not changed.', ...headersOf(headers) } };
}

function problemHeaders(status: number): string[] {
  if (status === 401) return ['WWW-Authenticate'];
  if (status === 403) return ['InsufficientScope'];
  if (status === 429) return ['Retry-After', 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'];
  return status === 503 ? ['Retry-After'] : [];
}

/** Narrows the code of a problem. Generators take an `enum` without a `type` for `unknown`. */
const codesSchema = (codes: readonly ProblemCode[]): Json => ({
  type: 'object',
  required: ['code'],
  properties: { code: { type: 'string', enum: codes } },
});

function problemResponses(components: Components, operation: Endpoint): Json {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of problemsOf(operation)) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const problem = components.schemaOf(ProblemDocument);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
        ...headersOf(['Content-Language', ...problemHeaders(status)]),
        content: {
          'application/problem+json': {
            schema: { allOf: [problem, codesSchema(codes)] },
          },
        },
      },
    ]),
  );
}

function whoMayCall({ access, path }: Endpoint): string {
  const parties = access.party ? [path.includes('{') ? 'the parties of the order' : 'users'] : [];
  const services = (access.scopes ?? []).map((scope) => `services with \`${scope}\``);
  return access.anyone ? 'Any caller with a valid token.' : `For ${[...parties, ...services].join(' and ')}.`;
}

/** The same for programs: `any`, or `party` and the scopes, one of which is enough. */
function callersOf({ access }: Endpoint): string[] {
  if (access.anyone) return ['any'];
  return [...(access.party ? ['party'] : []), ...(access.scopes ?? [])];
}

function operationObject(components: Components, operation: Endpoint): Json {
  const { operationId, summary, description, tag, params, query, body, bodyMayBeAbsent } = operation;
  const parameters = [
    ...parametersOf(components, params, 'path'),
    ...parametersOf(components, query, 'query'),
    ...headerParameters(operation),
  ];
  return {
    operationId,
    summary,
    description: `${description}\n\n${whoMayCall(operation)}`,
    tags: [tag],
    security: [{ bearer: [] }],
    'x-callers': callersOf(operation),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        required: bodyMayBeAbsent !== true,
        content: { 'application/json': { schema: components.schemaOf(body) } },
      },
    }),
    responses: {
      ...successResponses(components, operation),
      ...notModified(operation),
      ...problemResponses(components, operation),
    },
  };
}

const INFO = {
  title: 'Resolution Center',
  version: VERSION,
  summary: 'Disputes between the client and the freelancer of an order.',
  description:
    'A client and a freelancer settle trouble with an order between themselves: ask for a progress update, ask to cancel, ' +
    'ask for more time or add extras. Each request has a deadline, and silence takes effect there.\n\n' +
    'Instants are RFC 3339 in UTC with milliseconds. Errors are RFC 9457 problems with a stable `code`; of several that ' +
    'apply, the first of 401, 415/413/400, 404, 403, 409, 412, 422 is sent. Before any of them, a request whose address and ' +
    'headers exceed 16 KiB is answered 431 (`headers_too_large`), and one that takes too long to arrive 408 (`request_timeout`).',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

const TOKENS =
  'A signed JWT of the configured issuer with `exp`. With scopes of this service (in `scope` or `scp`, a string or ' +
  'a list, unless configured otherwise) its bearer is a service, as is a program with a token of its own; without ' +
  'any it is a user, whose id is `sub` or the claim that `AUTH_USER_CLAIM` names.\n\n' +
  'A service without an issuer, as `npm start` makes one, takes tokens that are minted in its directory. Paste what one ' +
  'of these prints, without `Bearer`; the examples belong to these three callers.\n\n' +
  '- the order service: `npm run -s token -- --sub order-service --scope orders:write`\n' +
  '- the client: `npm run -s token -- --sub user-7`\n' +
  '- the freelancer: `npm run -s token -- --sub user-9`';

const TAGS = [
  { name: 'Orders', description: 'The part of an order that disputes need.' },
  { name: 'Disputes', description: 'Requests between the two parties of an order.' },
  { name: 'Events', description: 'What happened, for other services and for the pages of the parties.' },
  { name: 'Webhooks', description: 'Events pushed to other services, and what came of it.' },
  { name: 'Statistics', description: 'How many, how they ended, and how long it took.' },
  { name: 'Reference', description: 'What there is to choose from.' },
  { name: 'Operations', description: 'Deadlines and holds, for operators; with `OPS_PORT` at that port.' },
  {
    name: 'Test clocks',
    description: 'Let time pass for chosen orders. Only in a sandbox: in live mode these addresses are not there.',
  },
  { name: 'System', description: 'For those who run the service.' },
];

/** The `webhooks` of the document, as the slice that sends them describes them. */
export interface WebhookSection {
  /** The parameters to which the entries refer, by their names among the components. */
  readonly parameters: Readonly<Record<string, Json>>;
  /** The entries by type of event. `schemaOf` turns a zod schema into JSON Schema, and named ones into references. */
  readonly entriesOf: (schemaOf: (schema: z.ZodType) => Json) => Record<string, Json>;
}

/** Everything that routes and document are made from. */
export interface ApiDefinition {
  readonly endpoints: readonly Endpoint[];
  readonly webhooks: WebhookSection;
}

/** The OpenAPI 3.1 document of an API, with the paths of `system` added as they are. */
export function openApiDocument({ endpoints, webhooks }: ApiDefinition, system: Record<string, Json>): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const operation of endpoints) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method.toLowerCase()]: operationObject(components, operation),
    };
  }
  const all = structuredClone({ ...paths, ...system });
  const examples = addExamples(all as Parameters<typeof addExamples>[0]);
  return {
    openapi: '3.1.0',
    info: INFO,
    servers: [
      { url: '/', description: 'The service that serves this document.' },
      { url: 'http://127.0.0.1:3000', description: 'A service started with npm start.' },
    ],
    tags: TAGS,
    paths: all,
    webhooks: webhooks.entriesOf((schema) => components.schemaOf(schema)),
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: TOKENS,
        },
      },
      examples,
      parameters: { ...PARAMETERS, ...webhooks.parameters },
      headers: RESPONSE_HEADERS,
      schemas: Object.fromEntries(Object.entries(components.schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}
