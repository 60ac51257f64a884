import type { ProblemBody } from '../api-types.ts';
import { delay, retryAfter } from '../service/http.ts';
import type { Holder, TokenSource } from './tokens.ts';

/** A refusal, in the words of the service. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, { code = '', detail = `The service answered ${status}.` }: Partial<ProblemBody>) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

export interface CallOptions {
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

const TRIES = 4;
const BUSY = 503;

/** Sends a request with the token of one holder. @throws Refused, TokenExpired, or what fetch throws */
export type Call = <T>(holder: Holder, method: string, path: string, options?: CallOptions) => Promise<T>;

/** Makes the client of the service that the page comes from. */
export function createCall(tokens: TokenSource): Call {
  const send = async (holder: Holder, method: string, path: string, options: CallOptions, fresh: boolean) => {
    const { body, signal } = options;
    return await fetch(path, {
      method,
      cache: 'no-store',
      headers: {
        authorization: `Bearer ${await tokens.get(holder, fresh)}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
  };
  const authenticated = async (holder: Holder, method: string, path: string, options: CallOptions) => {
    const first = await send(holder, method, path, options, false);
    return first.status === 401 ? await send(holder, method, path, options, true) : first;
  };
  return async <T>(holder: Holder, method: string, path: string, options: CallOptions = {}): Promise<T> => {
    for (let tries = 1; ; tries += 1) {
      const response = await authenticated(holder, method, path, options);
      const text = await response.text();
      if (response.ok) return (text === '' ? null : JSON.parse(text)) as T;
      const waitMs = retryAfter(response.headers);
      // A busy service has changed nothing, and says when to come again.
      if (response.status !== BUSY || waitMs === null || tries === TRIES) {
        throw new Refused(response.status, JSON.parse(text) as Partial<ProblemBody>);
      }
      await delay(waitMs, options.signal);
    }
  };
}

/** Null where the address has nothing. */
export async function ifFound<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}
