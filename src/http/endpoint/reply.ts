import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { StoredResponse } from '../../application/idempotent.ts';
import type { EVENT_STREAM, Format } from './media-types.ts';

/** A success of an endpoint, as the document describes it. */
export interface Success {
  readonly status: number;
  readonly description: string;
  readonly schema: z.ZodType;
  /** JSON unless it says otherwise; such an endpoint has no success of another kind. */
  readonly mediaType?: typeof EVENT_STREAM;
  /** Whether it is the success of a dry run; an endpoint has it beside the one that it stands for, with the same status. */
  readonly dryRun?: true;
  /** The headers that the answer has to have. */
  readonly headers?: readonly ('ETag' | 'Location')[];
}

type SuccessWith<S extends Success, Status> = S extends { readonly status: Status } ? S : never;

/** What the body of a success is made from: a stream of messages, or a value of its schema. */
type BodyOf<S> = S extends { readonly mediaType: typeof EVENT_STREAM }
  ? Readable
  : S extends { readonly schema: infer Z extends z.ZodType }
    ? z.input<Z>
    : never;

type Headers = Readonly<Record<string, string>>;

/** The headers of a success: those that it names have to be given. */
type HeadersOf<S> = S extends { readonly headers: readonly (infer Name extends string)[] }
  ? [headers: { readonly [K in Lowercase<Name>]: string }]
  : [headers?: Headers];

type KeysOf<S> = S extends object ? keyof S & string : never;
type ValueOf<S, K> = S extends object ? (K extends keyof S ? S[K] : never) : never;

/** The members of a value, at any depth, that its schema does not know. */
type Unknown<T, S> = T extends Readable
  ? never
  : T extends readonly (infer One)[]
    ? S extends readonly (infer Other)[]
      ? Unknown<One, Other>
      : never
    : T extends object
      ? { [K in keyof T & string]: K extends KeysOf<S> ? Unknown<T[K], ValueOf<S, K>> : K }[keyof T & string]
      : never;

/** Nothing that a schema does not know: a value with more members is assignable, but is refused by a strict schema. */
type Exact<T, S> = [Unknown<T, S>] extends [never] ? unknown : { readonly 'not in the schema': Unknown<T, S> };

declare const SUCCESS: unique symbol;

/** An answer by one of an endpoint's successes. A text or a stream is sent as it is, anything else as JSON. */
export interface Reply<S extends Success = Success> {
  readonly status: number;
  readonly headers?: Headers;
  readonly body: unknown;
  readonly format?: Format;
  /** Only a type: a reply can be made by `ReplyMaker` alone, which checks it against the endpoint's successes. */
  readonly [SUCCESS]: S;
}

/** An answer as it is kept for an idempotency key. */
export interface StoredReply<S extends Success = Success> extends StoredResponse {
  readonly [SUCCESS]: S;
}

/** Makes an endpoint's answers. What differs from the schema of a success does not compile. */
export type ReplyMaker<S extends Success> = <
  const Status extends S['status'],
  T extends BodyOf<SuccessWith<S, Status>>,
>(
  status: Status,
  body: T & Exact<T, BodyOf<SuccessWith<S, Status>>>,
  ...headers: HeadersOf<SuccessWith<S, Status>>
) => Reply<S>;

const made = (reply: Omit<Reply, typeof SUCCESS>) => reply as Reply<never>; // the mark is only a type

/** The maker of any endpoint: what it checks, it checks when it is compiled. */
export const makeReply: ReplyMaker<never> = (status: number, body: unknown, headers?: Headers) =>
  made({ status, body, ...(headers !== undefined && { headers }) });

/** Answers with a table, where an endpoint answers as CSV, too. */
export const csvReply = (text: string): Reply<never> => made({ status: 200, body: text, format: 'csv' });

const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';

/** Writes a reply as JSON, in the exact bytes that a repeated key is answered with. */
export function stored<S extends Success>({ status, headers, body }: Reply<S>): StoredReply<S> {
  const response: StoredResponse = {
    status,
    headers: { 'content-type': JSON_MEDIA_TYPE, ...headers },
    body: JSON.stringify(body),
  };
  return response as StoredReply<S>; // the mark is only a type
}
