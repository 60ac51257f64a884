import { document, resolveRef } from '../../harness/api/document.ts';
import type { RawRequest } from '../../harness/api/transport.ts';
import type { Random } from '../faults/load/random.ts';
import type { Edge } from './edges.ts';
import { makeValue, NASTY, ODD, type Schema, spoiled } from './values.ts';

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
}

interface Endpoint {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | null;
  /** As the document says it: `any`, `party`, scopes. */
  readonly callers: readonly string[];
}

function parametersOf(list: readonly (Parameter | { $ref: string })[]): Parameter[] {
  return list.map((entry) => ('$ref' in entry ? (resolveRef(entry.$ref) as Parameter) : entry));
}

/** The operations of the document, those that need a token. */
export const OPERATIONS: readonly Endpoint[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods as unknown as Record<string, Record<string, unknown>>).flatMap(([method, operation]) => {
    if ((operation['security'] as unknown[]).length === 0) return [];
    const body = operation['requestBody'] as { content: Record<string, { schema: Schema }> } | undefined;
    return {
      operationId: String(operation['operationId']),
      method: method.toUpperCase(),
      path,
      parameters: parametersOf((operation['parameters'] ?? []) as (Parameter | { $ref: string })[]),
      callers: operation['x-callers'] as readonly string[],
      body: body?.content['application/json']?.schema ?? null,
    };
  }),
);

export type Kind = 'valid' | 'nearly valid' | 'hostile' | 'edge';

/** What the fuzzer knows of the service: ids that mean something there. */
export interface World {
  readonly orderIds: string[];
  readonly disputeIds: string[];
  readonly clockIds: string[];
  readonly cursors: string[];
  /** Requests that meet a rule or a bound, with the state that was made for each. */
  readonly edges: readonly Edge[];
}

export interface FuzzRequest extends Omit<RawRequest, 'payload'> {
  readonly kind: Kind;
  readonly operationId: string;
  readonly callers: readonly string[];
  /** Who sends it, where that is what it is about. */
  readonly caller?: string;
  readonly payload?: string | Buffer;
  /** Whether the address is one of the document, so that the answer can be held against it. */
  readonly isAddressed: boolean;
}

function idOf(random: Random, { name, schema }: Parameter, world: World, operationId: string): string {
  if (name === 'orderId') {
    return random.chance(0.95) ? random.pick(world.orderIds) : String(makeValue(random, schema));
  }
  if (/TestClock/.test(operationId) && world.clockIds.length > 0 && random.chance(0.95)) {
    return random.pick(world.clockIds.slice(-20));
  }
  const isDispute = /Dispute|Update|Comment|Timeline|Notice/.test(operationId);
  if (isDispute && world.disputeIds.length > 0 && random.chance(0.95)) return random.pick(world.disputeIds.slice(-300));
  return String(makeValue(random, schema));
}

/** Query values that a schema alone does not say, or that would only take time. */
function queryValue(random: Random, { name, schema }: Parameter, world: World, operationId: string): unknown {
  // An advance that outlasts its request would change tables while others are compared.
  if (name === 'wait') return operationId === 'advanceTestClock' ? 10 : 0;
  if (name === 'cursor') return world.cursors.length > 0 ? random.pick(world.cursors.slice(-50)) : 'none';
  if (name === 'types') return 'dispute.opened,dispute.expired';
  if (name === 'orderId') return random.pick(world.orderIds);
  return makeValue(random, schema);
}

const HEADER_VALUES: Readonly<Record<string, (random: Random) => string>> = {
  'If-Match': (random) => random.pick(['"1"', 'W/"1"', '"1", "2"', '*']),
  'If-None-Match': (random) => random.pick(['"1"', '"1", "2"', '*']),
  'Accept-Language': (random) => random.pick(['de', 'pt-BR, en;q=0.5', 'xx', '*', ';;q=x']),
  'Last-Event-ID': (random) => String(random.int(0, 5_000)),
};

function headersOf(random: Random, parameters: readonly Parameter[]): Record<string, string> {
  const taken = parameters.filter((parameter) => parameter.in === 'header' && random.chance(0.3));
  return Object.fromEntries(
    taken.map(({ name }) => [name.toLowerCase(), HEADER_VALUES[name]?.(random) ?? `key-${random.int(1, 5_000)}`]),
  );
}

interface Draft {
  path: string;
  method: string;
  headers: Record<string, string>;
  query: [string, string][];
  body: unknown;
  payload: string | Buffer | undefined;
  isAddressed: boolean;
}

const BAD_PATHS = [
  '%00',
  '%E0%A4%A',
  '%',
  '..%2f..%2f',
  '%2e%2e',
  'a%20b',
  '%F0%9F%98%80',
  'x'.repeat(1_500),
  '__proto__',
];
const BAD_HEADERS: readonly (readonly [string, string])[] = [
  ['content-type', 'text/plain'],
  ['content-type', 'application/json; charset=utf-16'],
  ['content-type', 'multipart/form-data; boundary=x'],
  ['content-type', 'APPLICATION/JSON; Charset="UTF-8"'],
  ['content-type', 'application/json; charset='],
  ['content-encoding', 'gzip'],
  ['content-encoding', 'identity'],
  ['content-encoding', 'br, , gzip'],
  ['accept', 'application/*'],
  ['accept', 'application/problem+json'],
  ['idempotency-key', '"'],
  ['idempotency-key', '""'],
  ['idempotency-key', '"a\\"b"'],
  ['idempotency-key', `"${'x'.repeat(256)}"`],
  ['expect', '100-continue'],
  ['accept', 'text/html'],
  ['accept', 'application/json;q=0'],
  ['accept', '*/*;q=x,,;'],
  ['idempotency-key', 'x'.repeat(256)],
  ['idempotency-key', ' '],
  ['if-match', '1'],
  ['if-none-match', '"1'],
  ['if-none-match', '*'],
  ['last-event-id', '-1'],
  ['last-event-id', '9'.repeat(40)],
  ['if-match', `"${'9'.repeat(40)}"`],
  ['x-request-id', '<script>'],
  ['x-http-method-override', 'DELETE'],
  ['x-forwarded-for', '127.0.0.1'],
  ['expect', '200-nothing'],
  ['cookie', '__proto__=1'],
];
const BAD_PAYLOADS: readonly (string | Buffer)[] = [
  '{',
  '{"__proto__":{"scope":"ops"}}',
  '{"constructor":{"prototype":{"a":1}}}',
  '{"a":1,"a":2}',
  '{"comment":"a","\\u0063omment":"b"}',
  'null',
  '{"comment":null}',
  '9007199254740993',
  '{"revision":1500.0}',
  '[]'.repeat(500),
  '['.repeat(20_000),
  `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
  '"\\ud800"',
  '1e999',
  '\ufeff{}',
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.alloc(1_100_000, 0x20),
];

type Harm = (random: Random, draft: Draft) => void;

const HARMS: readonly Harm[] = [
  (random, draft) => {
    draft.path = draft.path.replace(/[^/]+$/, () => random.pick(BAD_PATHS));
    draft.isAddressed = false;
  },
  (random, draft) => {
    draft.path = random.pick([
      '/',
      '/v1',
      '/v1/',
      '/v1/disputes/',
      '/V1/DISPUTES',
      '/v1/orders//disputes',
      '/docs/../v1',
    ]);
    draft.isAddressed = false;
  },
  (random, draft) => {
    draft.method = random.pick(['GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE']);
  },
  (random, draft) => void Object.assign(draft.headers, Object.fromEntries([random.pick(BAD_HEADERS)])),
  (random, draft) => {
    draft.headers['content-type'] = 'application/json';
    draft.payload = random.pick(BAD_PAYLOADS);
  },
  (random, draft) => void draft.query.push([random.pick(NASTY), random.pick(NASTY)]),
  (random, draft) => void draft.query.push(['limit', random.pick(['0', '101', '-1', '1e2', '0x10', '', 'NaN', ' 5'])]),
  (random, draft) =>
    void draft.query.push(['cursor', random.pick([...NASTY, 'W10', 'bnVsbA', 'WyJvcGVuZWRBdCIsMWUzMDAsIngiXQ'])]),
  (random, draft) => {
    draft.body = random.pick(ODD);
  },
];

function draftOf(random: Random, operation: Endpoint, world: World): Draft {
  const ofPath = operation.parameters.filter((parameter) => parameter.in === 'path');
  const path = ofPath.reduce(
    (at, parameter) => at.replace(`{${parameter.name}}`, () => idOf(random, parameter, world, operation.operationId)),
    operation.path,
  );
  const ofQuery = operation.parameters.filter((parameter) => parameter.in === 'query' && random.chance(0.3));
  return {
    path,
    method: operation.method,
    headers: headersOf(random, operation.parameters),
    query: ofQuery.map((parameter) => [
      parameter.name,
      String(queryValue(random, parameter, world, operation.operationId)),
    ]),
    body: operation.body === null ? undefined : makeValue(random, operation.body),
    payload: undefined,
    isAddressed: true,
  };
}

function spoil(random: Random, draft: Draft): void {
  if (draft.body !== undefined && random.chance(0.8)) {
    draft.body = spoiled(random, draft.body);
  } else if (draft.query.length > 0 && random.chance(0.7)) {
    const [name] = random.pick(draft.query);
    draft.query.push([name, random.pick(NASTY)]);
  } else {
    draft.query.push([random.pick(['unknown', 'limit', 'sort', 'status']), random.pick(NASTY)]);
  }
}

function requestOf(kind: Kind, operation: Endpoint, draft: Draft): FuzzRequest {
  const payload = draft.payload ?? (draft.body === undefined ? undefined : JSON.stringify(draft.body));
  const query = draft.query
    .map((pair) => pair.map((part) => encodeURIComponent(part.replace(/\p{Cs}/gu, '?'))).join('='))
    .join('&');
  return {
    kind,
    operationId: operation.operationId,
    callers: operation.callers,
    method: draft.method,
    path: query === '' ? draft.path : `${draft.path}?${query}`,
    headers: { ...(payload !== undefined && { 'content-type': 'application/json' }), ...draft.headers },
    ...(payload !== undefined && { payload }),
    isAddressed: draft.isAddressed,
  };
}

function edgeDraft(
  { params = {}, query = {}, headers = {}, body, isGeneral = false }: Edge,
  { path, method }: Endpoint,
): Draft {
  return {
    path: path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? '')),
    method,
    headers: { ...headers },
    query: Object.entries(query),
    body,
    payload: undefined,
    isAddressed: !isGeneral,
  };
}

function operationOf({ operationId }: Edge): Endpoint {
  const operation = OPERATIONS.find((one) => one.operationId === operationId);
  if (operation === undefined) throw new Error(`the document has no operation ${operationId}`);
  return operation;
}

/** The request of an edge, as it stands. */
export function edgeRequest(edge: Edge): FuzzRequest {
  const operation = operationOf(edge);
  return { ...requestOf('edge', operation, edgeDraft(edge, operation)), caller: edge.caller };
}

const NEAR_AN_EDGE = 0.1;

/**
 * Makes a request from the document: as it says, with one thing wrong, or as no client would send it in good faith. Some are
 * spoiled requests of an edge.
 */
export function makeRequest(random: Random, world: World, kind: Exclude<Kind, 'edge'>): FuzzRequest {
  const edge =
    kind !== 'valid' && random.chance(NEAR_AN_EDGE)
      ? random.pick(world.edges.filter(({ isGeneral }) => !isGeneral))
      : null;
  const operation = edge === null ? random.pick(OPERATIONS) : operationOf(edge);
  const draft = edge === null ? draftOf(random, operation, world) : edgeDraft(edge, operation);
  if (kind === 'nearly valid') spoil(random, draft);
  if (kind === 'hostile') for (let harm = random.int(1, 3); harm > 0; harm -= 1) random.pick(HARMS)(random, draft);
  return { ...requestOf(kind, operation, draft), ...(edge !== null && { caller: edge.caller }) };
}
