import type { z } from 'zod';
import type { Caller, Scope } from '../../application/caller.ts';
import type { QueueInspector } from '../../application/deadlines.ts';
import type { Advancer } from '../../application/test-clocks/advance.ts';
import type { removeTestClock } from '../../application/test-clocks/remove.ts';
import type { CoreDeps } from '../../application/write.ts';
import type { DisputeType } from '../../domain/rules.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { Tx } from '../../platform/postgres/database.ts';
import type { ProblemCode } from '../problems/problems.ts';
import type { EventStreams } from '../streams/event-streams.ts';
import type { Locale } from '../texts/languages.ts';
import type { Format } from './media-types.ts';
import type { Reply, ReplyMaker, Success } from './reply.ts';

/** What every handler may use. */
export interface HttpDeps {
  readonly write: CoreDeps;
  /** Whether the deployment is live, and no sandbox. */
  readonly livemode: boolean;
  /** How long a respondent has, by type, in milliseconds. */
  readonly windowsMs: Readonly<Record<DisputeType, number>>;
  /** How long an opener has to wait after a decline before the same request, in milliseconds. */
  readonly cooldownMs: number;
  /** How long before a deadline the parties are reminded of it, in milliseconds. */
  readonly remindersMs: readonly number[];
  readonly webhooks: {
    /** Encrypts endpoints' secrets; null where there is no key, and so no webhooks. */
    readonly encryption: Encryption | null;
    /** Whether endpoints may be on http and on private addresses. */
    readonly allowInsecure: boolean;
    /** Whether WEBHOOK_ALLOW_INSECURE may be set: in production it is refused. */
    readonly mayAllowInsecure: boolean;
  };
  /** Erases up to `limit` texts that may repeat comments of some orders and are not in the tables of the core; says how many. */
  readonly eraseCopies: (tx: Tx, orderIds: readonly string[], limit: number) => Promise<number>;
  /** Only for operators: no request of a user asks Redis for anything. */
  readonly queue: QueueInspector;
  /** Only in a sandbox: elsewhere the addresses that use it are not there. */
  readonly testClocks: {
    readonly advancer: Advancer;
    readonly remove: (id: string) => ReturnType<typeof removeTestClock>;
  };
  readonly streams: EventStreams;
  /** Notes in the log what an operator has done, in ids and numbers. */
  readonly audit: (facts: Readonly<Record<string, string | number>>, message: string) => void;
}

/** One request, once it is known who sends it and that its input is valid. */
export interface Call<P, Q, B, S extends Success = Success> {
  readonly deps: HttpDeps;
  readonly caller: Caller;
  readonly requestId: string;
  /** The size of the body as it was read, in bytes. */
  readonly bodyBytes: number;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Aborted when the caller has gone, or the process is about to stop: whatever waits has to end then. */
  readonly signal: () => AbortSignal;
  /** What the caller wants the answer to be written in: JSON, unless this operation has more to offer. */
  readonly format: Format;
  /** The language for the texts in the answer. */
  readonly locale: Locale;
  /** Says whether two requests with one key are the same. */
  readonly fingerprint: () => string;
  /** Makes the answer. */
  readonly reply: ReplyMaker<S>;
}

/** A call of any endpoint, for what does not depend on which one it is. */
export type AnyCall = Omit<Call<unknown, unknown, unknown>, 'reply'>;

/** Who may call: parties of the order concerned, services with one of the scopes, or every caller with a token. */
export interface Access {
  readonly party?: true;
  readonly scopes?: readonly Scope[];
  readonly anyone?: true;
}

export type Tag =
  | 'Orders'
  | 'Disputes'
  | 'Events'
  | 'Webhooks'
  | 'Statistics'
  | 'Reference'
  | 'Operations'
  | 'Test clocks';

/**
 * One operation of the API: the route, its validation, its access check and its part of the OpenAPI document are all
 * made from this one value.
 */
export interface Endpoint<P = unknown, Q = unknown, B = unknown, S extends Success = Success> {
  readonly operationId: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** With parameters in braces, as OpenAPI writes them. */
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description: string;
  readonly access: Access;
  /** Whether the operators' port serves it beside the callers' port; addresses below `/v1/ops/` are always served there. */
  readonly forOperatorsToo?: true;
  /** Whether a live deployment does not have it. */
  readonly sandboxOnly?: true;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  /** Whether a request without a body counts as one with an empty object. */
  readonly bodyMayBeAbsent?: true;
  /** Query parameters that shape the answer and not the effect: two requests that differ in them alone are the same. */
  readonly answerParameters?: readonly string[];
  /** Whether it takes an Idempotency-Key. */
  readonly takesKey?: true;
  /** Whether it takes If-Match. */
  readonly takesIfMatch?: true;
  /** Whether it takes If-None-Match as a condition on what it writes; reads with an entity tag are revalidated by it anyway. */
  readonly takesIfNoneMatch?: true;
  /** Whether it takes Last-Event-ID. */
  readonly takesLastEventId?: true;
  /** Whether it answers as CSV, too, where a caller asks for that. */
  readonly hasCsv?: true;
  /** Whether its successes have texts, such as labels, in the language that the caller accepts. */
  readonly hasTexts?: true;
  readonly success: readonly S[];
  /** Its own problem codes, beyond those that follow from the rest of this value. */
  readonly problems: readonly ProblemCode[];
  readonly handle: (call: Call<P, Q, B, S>) => Promise<Reply<S>>;
}

/** Whether an operation answers If-None-Match: a read whose success has an entity tag. */
export function isRevalidated({ method, success }: Endpoint): boolean {
  return method === 'GET' && success.some(({ headers }) => headers?.includes('ETag'));
}

/** Ties the types of an endpoint's input and successes to its handler; the value itself is returned as it is. */
export function operation<P = unknown, Q = unknown, B = unknown, const S extends Success = Success>(
  value: Endpoint<P, Q, B, S>,
): Endpoint {
  return value as unknown as Endpoint; // a handler gets only the input that its own schemas have parsed
}
