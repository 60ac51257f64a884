import type { InputError, ProblemBody } from '../api-types.ts';
import type { GetToken } from '../resolution-center.d.ts';

/** A request that did not succeed. `code` is the API's, or one of `offline`, `signed_out` and `unexpected`. */
export interface Problem {
  readonly code: string;
  readonly status: number | null;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string | null;
  readonly errors: readonly InputError[];
  /** All that the API said, for what belongs to one code alone. */
  readonly body: ProblemBody | null;
}

export type Outcome<T> =
  | {
      readonly ok: true;
      readonly status: number;
      readonly body: T;
      readonly sentAt: number;
      readonly receivedAt: number;
    }
  | { readonly ok: false; readonly problem: Problem };

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Sends requests as one user. It never throws: what goes wrong is a `Problem`. */
export interface Http {
  readonly request: <T>(method: 'GET' | 'POST', path: string, options?: RequestOptions) => Promise<Outcome<T>>;
  /** Opens a response whose body the caller reads: a stream. @throws SignedOut, or what fetch throws */
  readonly open: (path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<Response>;
  /** Makes the next request ask for a fresh token. */
  readonly refuseToken: () => void;
  /** The same text for all tokens of one user of the service. Null without a token that says something of its user. */
  readonly caller: () => Promise<string | null>;
}

export interface HttpOptions {
  readonly api: () => string;
  readonly getToken: () => GetToken | null;
  readonly locale: () => string;
}

/** The page has no token for the visitor. */
export class SignedOut extends Error {}

const TIMEOUT_MS = 20_000;
const TRIES = 3;
const LONGEST_RETRY_AFTER_MS = 15_000;

export const problemOf = (code: string, status: number | null = null, detail = ''): Problem => ({
  code,
  status,
  title: '',
  detail,
  requestId: null,
  errors: [],
  body: null,
});

/** How long the service asks to wait, in milliseconds; null if it does not say. */
export function retryAfter(headers: Headers, now = Date.now()): number | null {
  const given = headers.get('retry-after');
  if (given === null) return null;
  const ms = /^\d+$/.test(given) ? Number(given) * 1_000 : Date.parse(given) - now;
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

/** Waits, or until the signal aborts. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

// What differs between the tokens of one user.
const PER_TOKEN = new Set(['exp', 'iat', 'jti', 'nbf']);

/** What a token says of its user. Which claim names the user is a setting of the service. @throws for what is no JWT */
function claimsOf(token: string): string {
  const payload = token.split('.')[1] ?? '';
  const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
  return JSON.stringify(claims, (name, value: unknown) => (PER_TOKEN.has(name) ? undefined : value));
}

async function readProblem(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => null)) as Partial<ProblemBody> | null;
  if (typeof body?.code !== 'string') return problemOf('unexpected', response.status);
  const { code, title = '', detail = '', requestId = null, errors = [] } = body;
  return { code, status: response.status, title, detail, requestId, errors, body: body as ProblemBody };
}

const isWorthAnotherTry = (status: number): boolean =>
  status === 429 || status === 502 || status === 503 || status === 504;

/** Makes the client of one service. */
export function createHttp({ api, getToken, locale }: HttpOptions): Http {
  let isRefused = false;

  /** A page that cannot give a token has no session any more, unless it failed to fetch one without a network. */
  const currentToken = async (): Promise<string | undefined> => {
    try {
      return await getToken()?.({ fresh: isRefused });
    } catch (error) {
      throw error instanceof TypeError ? error : new SignedOut();
    }
  };

  const open: Http['open'] = async (path, headers, signal) => {
    const token = await currentToken();
    isRefused = false;
    return await fetch(api() + path, {
      headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      signal,
      cache: 'no-store',
    });
  };

  const send = async (method: string, path: string, { body, headers, signal }: RequestOptions): Promise<Response> => {
    const token = await currentToken();
    const signals = [AbortSignal.timeout(TIMEOUT_MS), ...(signal === undefined ? [] : [signal])];
    return await fetch(api() + path, {
      method,
      headers: {
        accept: 'application/json',
        'accept-language': locale(),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.any(signals),
      cache: 'no-store',
    });
  };

  /** One request, with one fresh token if the first is refused. */
  const authenticated = async (method: string, path: string, options: RequestOptions): Promise<Response> => {
    const first = await send(method, path, options);
    if (first.status !== 401) {
      isRefused = false;
      return first;
    }
    await first.body?.cancel();
    isRefused = true;
    return await send(method, path, options);
  };

  const request: Http['request'] = async <T>(method: 'GET' | 'POST', path: string, options: RequestOptions = {}) => {
    for (let tries = 1; ; tries += 1) {
      const sentAt = performance.now();
      let waitMs = 500 * 2 ** tries;
      let problem: Problem;
      try {
        const response = await authenticated(method, path, options);
        const receivedAt = performance.now();
        if (response.ok || response.status === 304) {
          // An unread body keeps its connection, also an empty one.
          const text = await response.text();
          const body = (text === '' ? null : JSON.parse(text)) as T;
          isRefused = false;
          return { ok: true, status: response.status, body, sentAt, receivedAt };
        }
        problem = response.status === 401 ? problemOf('signed_out', 401) : await readProblem(response);
        if (!isWorthAnotherTry(response.status)) return { ok: false, problem };
        waitMs = retryAfter(response.headers) ?? waitMs;
      } catch (error) {
        if (error instanceof SignedOut) return { ok: false, problem: problemOf('signed_out') };
        problem = problemOf('offline', null, String(error));
      }
      if (options.signal?.aborted || tries === TRIES || waitMs > LONGEST_RETRY_AFTER_MS) return { ok: false, problem };
      await delay(waitMs + Math.random() * 250, options.signal);
    }
  };

  return {
    request,
    open,
    refuseToken: () => {
      isRefused = true;
    },
    caller: async () => {
      try {
        return `${api()} ${claimsOf((await currentToken()) ?? '')}`;
      } catch {
        return null;
      }
    },
  };
}
