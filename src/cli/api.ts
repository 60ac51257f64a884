import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { NOTHING_HERE, type ProblemDocument } from '../http/schemas/problem.ts';
import { CommandFailure, refused, unreachable, wrongUsage } from './failures.ts';

type Method = 'GET' | 'POST' | 'DELETE';
type Query = Readonly<Record<string, string | number | undefined>>;

/** The API of a running service, for one caller. Each call ends with what the service said, or as a failure. */
export interface Api {
  readonly get: <T>(path: string, query?: Query) => Promise<T>;
  /** Reads how ready the service is, also where it says that it is not. */
  readonly readiness: <T>() => Promise<T>;
  /** Reads what may not exist: a refusal with `not_found` is returned and not thrown. */
  readonly find: <T>(path: string) => Promise<T | CommandFailure>;
  /** Reads as a text of another media type. */
  readonly text: (path: string, query: Query, accept: string) => Promise<string>;
  readonly post: <T>(path: string, body?: object) => Promise<T>;
  readonly delete: <T>(path: string) => Promise<T>;
}

// Longer than anything the service does in one request.
const TIMEOUT_MS = 30_000;
const ATTEMPTS = 2;
const UNAVAILABLE = 503;

/** A problem; what stands between this program and the service may answer with less. */
type ProblemBody = Partial<z.output<typeof ProblemDocument>>;

function parsed(text: string): ProblemBody | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** What to tell people of an answer that is no success. */
function failureOf(status: number, text: string, url: URL) {
  const problem = parsed(text);
  if (problem?.code === undefined) {
    const what = `${url.origin} answered ${status} without saying why`;
    // That is not how the service refuses: something in front of it does.
    return status >= 500 ? unreachable(`${what}; the service behind it may be away`) : refused(what);
  }
  // A clock that does not exist has a detail of its own: here there is no such address.
  if (url.pathname.includes('/v1/test-clocks') && problem.detail === NOTHING_HERE) {
    return refused('test clocks exist only in a sandbox, and this service is live (MODE)', problem.code);
  }
  const errors = (problem.errors ?? []).map(({ pointer, message }) => `\n  ${pointer} ${message}`).join('');
  return refused(
    `${status} ${problem.code}: ${problem.detail ?? ''}${errors}${problem.requestId ? `\n  requestId ${problem.requestId}` : ''}`,
    problem.code,
  );
}

/** What a code of the network means. */
const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'no program listens there',
  ECONNRESET: 'the connection was closed before an answer',
  EAI_AGAIN: 'its host cannot be looked up',
  EHOSTUNREACH: 'no route leads there',
  ENETUNREACH: 'no route leads there',
  ENOTFOUND: 'its host is not known',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not answer by TLS; is its address http://?',
  ETIMEDOUT: 'the host does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'the host does not answer',
  UND_ERR_SOCKET: 'the connection was closed before an answer; is its address https://?',
};
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/;

function reasonOf(error: unknown): string {
  const { cause, message, name } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1_000} s`;
  const code = cause?.code;
  if (code === undefined) return cause?.message ?? message;
  if (CERTIFICATE.test(code)) {
    return `its certificate is not accepted (${code}): NODE_EXTRA_CA_CERTS names the file of a CA of your own`;
  }
  const meaning = MEANINGS[code];
  return meaning === undefined ? code : `${meaning} (${code})`;
}

/** The address of the service. */
export function baseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw wrongUsage('--url must be an address such as http://127.0.0.1:3000, without a name and a password in it');
  }
  return url;
}

/** Calls the API at an address. What gets lost on the way is sent once more; a key makes sure that it is done once. */
export function createApi(base: URL, token: string): Api {
  const urlOf = (path: string, query: Query = {}) => {
    const url = new URL(base.pathname.replace(/\/$/, '') + path, base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  };

  const call = async (
    method: Method,
    url: URL,
    accept: string,
    { body, takes }: { readonly body?: object | undefined; readonly takes?: number } = {},
  ): Promise<string> => {
    const headers = {
      authorization: `Bearer ${token}`,
      accept,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
    };
    const init = { method, headers, redirect: 'error' as const, ...(body && { body: JSON.stringify(body) }) };
    for (let attempt = 1; ; attempt += 1) {
      try {
        const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
        const text = await response.text();
        if (!response.ok && response.status !== takes) throw failureOf(response.status, text, url);
        return text;
      } catch (error) {
        if (error instanceof CommandFailure) throw error;
        if (attempt === ATTEMPTS) throw unreachable(`${url.origin} cannot be reached: ${reasonOf(error)}`);
      }
    }
  };

  const json = async <T>(method: Method, url: URL, more: Parameters<typeof call>[3] = {}): Promise<T> => {
    const text = await call(method, url, 'application/json', more);
    const value = parsed(text);
    if (value === null)
      throw refused(`${url.origin} answered with something that is not JSON: is it the right address?`);
    return value as T;
  };

  const find = async <T>(path: string): Promise<T | CommandFailure> => {
    try {
      return await json<T>('GET', urlOf(path));
    } catch (error) {
      if (error instanceof CommandFailure && error.problem === 'not_found') return error;
      throw error;
    }
  };

  return {
    find,
    get: (path, query) => json('GET', urlOf(path, query)),
    readiness: () => json('GET', urlOf('/readyz'), { takes: UNAVAILABLE }),
    text: (path, query, accept) => call('GET', urlOf(path, query), accept),
    post: (path, body) => json('POST', urlOf(path), { body }),
    delete: (path) => json('DELETE', urlOf(path)),
  };
}
