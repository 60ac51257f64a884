import { isDeepStrictEqual } from 'node:util';
import type { Examples, NamedExample } from '../../src/http/openapi/recorded-examples.ts';
import type { Answer } from '../harness/api/answer.ts';
import { document } from '../harness/api/document.ts';
import type { Client, Headers } from '../harness/client.ts';
import { normalizer } from './normalize.ts';

/** One call of the story. */
export interface Call {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  /** Instead of the operation's own. */
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Headers;
  /** Sent as it stands instead of a body. */
  readonly payload?: string;
}

/** How a call is called in the document; one without a name is only carried out. */
export type Title = readonly [name: string, summary: string] | null;

export interface Recorder {
  /** Carries out a call that must succeed, and keeps its body and its answer as examples. */
  readonly succeed: <T>(operationId: string, caller: Client, call?: Call, title?: Title) => Promise<T>;
  /** Carries out a call that must be refused with a code, and keeps the problem as the example of this code. */
  readonly refuse: (code: string, operationId: string, caller: Client, call?: Call) => Promise<void>;
  /** Keeps an answer that did not come as JSON. */
  readonly keep: (operationId: string, status: number, mediaType: string, title: Title, value: string) => void;
  /** Has a text of this run replaced wherever it appears. */
  readonly replace: (from: string, to: string) => void;
  readonly examples: () => Examples;
}

const REQUEST_ID = '0b1c5f1e';

interface Address {
  readonly method: string;
  readonly path: string;
}

function addressOf(operationId: string): Address {
  for (const [path, methods] of Object.entries(document.paths)) {
    const found = Object.entries(methods).find(([, operation]) => operation.operationId === operationId);
    if (found !== undefined) return { path, method: found[0].toUpperCase() };
  }
  throw new Error(`the document has no operation ${operationId}`);
}

async function send(operationId: string, caller: Client, call: Call): Promise<Answer<unknown>> {
  const { method, path } = addressOf(operationId);
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(call.path?.[name] ?? ''));
  const payload = call.payload ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
  const headers = { 'x-request-id': REQUEST_ID, ...(payload !== undefined && { 'content-type': 'application/json' }) };
  return await caller.send(
    call.method ?? method,
    `${filled}${call.query ?? ''}`,
    { ...headers, ...call.headers },
    payload,
  );
}

/** A media type without its parameters. */
const mediaTypeOf = ({ headers }: Answer<unknown>): string => headers['content-type']?.split(';')[0] ?? '';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Book = { readonly [K in keyof Examples]: Record<string, Mutable<Examples[K][string]>> };

/** Records what a service answers. */
export function createRecorder(): Recorder {
  const texts = new Map<string, string>();
  const normalize = normalizer(Date.now(), () => texts);
  const book: Book = { operations: {}, problems: {} };

  const named = (summary: string, value: unknown): NamedExample => ({ summary, value: normalize(value) });
  const entryOf = (operationId: string) => {
    book.operations[operationId] ??= { path: {}, requests: {}, answers: {} };
    return book.operations[operationId];
  };
  const keepAnswer = (
    operationId: string,
    status: number,
    mediaType: string,
    [name, summary]: NonNullable<Title>,
    value: unknown,
  ) => {
    const entry = entryOf(operationId);
    const key = `${status} ${mediaType}`;
    entry.answers = { ...entry.answers, [key]: { ...entry.answers[key], [name]: named(summary, value) } };
  };

  return {
    succeed: async <T>(operationId: string, caller: Client, call: Call = {}, title: Title = null) => {
      const answer = await send(operationId, caller, call);
      if (answer.status >= 300) throw new Error(`${operationId} answered ${answer.status}: ${answer.text}`);
      const mediaType = mediaTypeOf(answer);
      const value = mediaType === 'application/json' ? (JSON.parse(answer.text) as unknown) : answer.text;
      if (title !== null) {
        const [name, summary] = title;
        const entry = entryOf(operationId);
        entry.path = { ...(normalize(call.path ?? {}) as Record<string, string>), ...entry.path };
        const request = named(summary, call.body);
        const isKnown = Object.values(entry.requests).some(({ value: known }) =>
          isDeepStrictEqual(known, request.value),
        );
        if (call.body !== undefined && !isKnown) entry.requests = { ...entry.requests, [name]: request };
        keepAnswer(operationId, answer.status, mediaType, title, value);
      }
      return value as T;
    },
    refuse: async (code, operationId, caller, call = {}) => {
      const answer = await send(operationId, caller, call);
      if (answer.code !== code) throw new Error(`${operationId} answered ${answer.text} instead of ${code}`);
      book.problems[code] = named(answer.problem.title, answer.problem);
    },
    keep: (operationId, status, mediaType, title, value) => {
      if (title !== null) keepAnswer(operationId, status, mediaType, title, value);
    },
    replace: (from, to) => void texts.set(from, to),
    examples: () => book,
  };
}
