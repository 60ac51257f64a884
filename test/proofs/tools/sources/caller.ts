/** The 409 of a second dispute about an order, by its typed code. */
export interface AlreadyOpen {
  readonly code: 'dispute_already_open';
  readonly disputeId: string | undefined;
}

/** The 412 of an answer to an older version of a dispute, by its typed code. */
export interface Mismatch {
  readonly code: 'version_mismatch';
  /** The entity tag of the dispute as it is now. */
  readonly etag: string | undefined;
}

/**
 * The calls of the main flow as one caller makes them through a generated client. Each adapter in `clients/` takes its values
 * from the generated types, so that a type which lacks a member or a code does not compile.
 */
export interface Caller {
  /** Reports an order of user-7 and user-9, and gives its status. */
  readonly report: (orderId: string) => Promise<string>;
  /** The types of dispute that the resolution center allows. */
  readonly offered: (orderId: string) => Promise<string[]>;
  /** Opens a cancellation, with an idempotency key. */
  readonly open: (orderId: string) => Promise<{ readonly id: string; readonly status: string }>;
  /** Opens an `order_update`, which is refused, since a dispute is open. */
  readonly openAnother: (orderId: string) => Promise<AlreadyOpen>;
  /** The ids of the disputes of an order with one of two statuses. */
  readonly list: (orderId: string) => Promise<string[]>;
  readonly read: (id: string) => Promise<{ readonly etag: string; readonly actions: string[] }>;
  /** Adds a comment, and gives the new version of the dispute. */
  readonly comment: (id: string) => Promise<number>;
  /** Accepts a version of a dispute, and gives the resolution. */
  readonly accept: (id: string, etag: string) => Promise<string | null>;
  /** Accepts a version that is no longer the newest, which is refused. */
  readonly acceptOutdated: (id: string, etag: string) => Promise<Mismatch>;
  /** What happened to a dispute. */
  readonly timeline: (id: string) => Promise<string[]>;
  /** The types of the events of an order in the feed. */
  readonly events: (orderId: string) => Promise<string[]>;
}

export type CallerOf = (baseUrl: string, token: string) => Caller;

/** An order report. */
export const REPORT = {
  clientId: 'user-7',
  freelancerId: 'user-9',
  status: 'in_progress',
  deliverBy: null,
  price: { amount: 15_000, currency: 'USD' },
  revision: 1,
} as const;

/** Throws what a client gave in place of what was asked for. */
export function fail(what: unknown): never {
  throw new Error(`unexpected answer: ${JSON.stringify(what)}`);
}

/** Narrows the answer of a command that was no dry run: the document gives both for one status. */
export function carriedOut<T extends object>(answer: T): Exclude<T, { readonly dryRun: unknown }> {
  return 'dryRun' in answer ? fail(answer) : (answer as Exclude<T, { readonly dryRun: unknown }>); // `in` narrows no generic type
}
