import recorded from '../../../openapi/examples.json' with { type: 'json' };

type Json = Record<string, unknown>;

/** An example as OpenAPI writes it. */
export interface NamedExample {
  readonly summary: string;
  readonly value: unknown;
}

type Named = Readonly<Record<string, NamedExample>>;

/** What `npm run openapi` has recorded of a running service. */
export interface Examples {
  /** By `operationId`. */
  readonly operations: Readonly<
    Record<
      string,
      {
        /** The parameters in the path. */
        readonly path: Readonly<Record<string, string>>;
        readonly requests: Named;
        /** By status and media type, such as `200 application/json`. */
        readonly answers: Readonly<Record<string, Named>>;
      }
    >
  >;
  /** By `code`. */
  readonly problems: Named;
}

// The type of a file of this size, as TypeScript works it out, is a union of all that is in it.
const EXAMPLES: Examples = recorded as unknown as Examples;

const PROBLEM = 'application/problem+json';
const WRONG_METHOD = 'method_not_allowed';
const EXAMPLE_PREFIX = '#/components/examples/';

interface Media {
  schema: Json & { readonly examples?: readonly unknown[] };
  examples?: Readonly<Record<string, unknown>>;
}

interface DocumentedOperation {
  readonly operationId: string;
  readonly parameters?: readonly (Json & { readonly in?: string; readonly name?: string })[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}

type Paths = Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;

/** What a parameter belongs to: `/v1/disputes/{id}` for all paths that begin with it. */
const ownerOf = (path: string, parameter: string): string =>
  path.slice(0, path.indexOf(`{${parameter}}`) + parameter.length + 2);

/** One example for each parameter in a path, the same for all operations on the same thing. */
function pathExamples(paths: Paths): ReadonlyMap<string, string> {
  const known = Object.entries(paths).flatMap(([path, methods]) =>
    Object.values(methods).flatMap(({ operationId }) =>
      Object.entries(EXAMPLES.operations[operationId]?.path ?? {}).map(
        ([name, value]) => [ownerOf(path, name), value] as const,
      ),
    ),
  );
  // The first one wins, which is the one of the README's walk.
  return new Map(known.reverse());
}

interface OneOfCodes {
  readonly properties?: { readonly code?: { readonly enum?: readonly string[] } };
}

/** The codes of a refusal: those that its schema names, or else the one that addresses outside the API have. */
function codesOf({ schema }: Media): readonly string[] {
  const parts = (schema['allOf'] ?? []) as readonly OneOfCodes[];
  return parts.flatMap((part) => part.properties?.code?.enum ?? []).concat(parts.length === 0 ? WRONG_METHOD : []);
}

/** Examples of an answer; where none was recorded, those that its schema brings along. */
function answerExamples(operationId: string, status: string, mediaType: string, media: Media): Media['examples'] {
  if (mediaType === PROBLEM) {
    const codes = codesOf(media).filter((code) => EXAMPLES.problems[code] !== undefined);
    return Object.fromEntries(codes.map((code) => [code, { $ref: EXAMPLE_PREFIX + code }]));
  }
  const recorded = EXAMPLES.operations[operationId]?.answers[`${status} ${mediaType}`];
  const [own] = media.schema.examples ?? [];
  return recorded ?? (own === undefined ? undefined : { example: { value: own } });
}

function addTo(path: string, operation: DocumentedOperation, inPaths: ReadonlyMap<string, string>): void {
  const { operationId, parameters = [], requestBody, responses } = operation;
  for (const parameter of parameters) {
    const example = parameter.in === 'path' ? inPaths.get(ownerOf(path, parameter.name ?? '')) : undefined;
    if (example !== undefined) parameter['example'] = example;
  }
  const body = requestBody?.content['application/json'];
  if (body !== undefined) body.examples = EXAMPLES.operations[operationId]?.requests ?? {};
  for (const [status, { content = {} }] of Object.entries(responses)) {
    for (const [mediaType, media] of Object.entries(content)) {
      const examples = answerExamples(operationId, status, mediaType, media);
      if (examples !== undefined) media.examples = examples;
    }
  }
}

/** Adds to the paths of a document what was recorded, and returns the examples that they refer to. */
export function addExamples(paths: Paths): Json {
  const inPaths = pathExamples(paths);
  for (const [path, methods] of Object.entries(paths)) {
    for (const operation of Object.values(methods)) addTo(path, operation, inPaths);
  }
  const referred = JSON.stringify(paths);
  return Object.fromEntries(
    Object.entries(EXAMPLES.problems).filter(([code]) => referred.includes(`"${EXAMPLE_PREFIX}${code}"`)),
  );
}
