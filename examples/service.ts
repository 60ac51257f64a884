import { setTimeout as delay } from 'node:timers/promises';
import { tokenOf } from './tokens.ts';

/** Where the Resolution Center is. */
export const API = (process.env['RESOLUTION_CENTER_URL'] || 'http://127.0.0.1:3000').replace(/\/+$/, '');

const TRIES = 5;
const FIRST_DELAY_MS = 250;
const LONGEST_RETRY_AFTER_S = 30;

/** A request that the Resolution Center refused, with the code of the problem. */
export class RefusedError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(`${status} ${code}: ${detail}`);
    this.name = 'RefusedError';
    this.status = status;
    this.code = code;
  }
}

/** What another attempt may change: no answer, too many requests, or a service that is starting, stopping or overloaded. */
const isPassing = (response: Response | null): boolean => response === null || [429, 503].includes(response.status);

async function waitAfter(response: Response | null, attempt: number): Promise<void> {
  const seconds = Math.min(Number(response?.headers.get('retry-after') ?? 0), LONGEST_RETRY_AFTER_S);
  await delay(Math.max(seconds * 1_000, FIRST_DELAY_MS * 2 ** attempt) * (1 + Math.random() / 4));
}

/** Who sends a request: a program of the marketplace, with the scopes that it needs and no others. */
export interface Caller {
  readonly sub: string;
  readonly scope: string;
}

/**
 * Sends a request that may be repeated, and repeats it while that may help.
 * @returns the body of the answer, null where there is none
 * @throws RefusedError, or what fetch throws once the attempts are used up
 */
export async function call(caller: Caller, method: string, path: string, body?: unknown): Promise<unknown> {
  const send = async (): Promise<Response> => {
    const headers = { authorization: `Bearer ${await tokenOf(caller.sub, caller.scope)}` };
    if (body === undefined) return await fetch(API + path, { method, headers });
    const json = { ...headers, 'content-type': 'application/json' };
    return await fetch(API + path, { method, headers: json, body: JSON.stringify(body) });
  };
  for (let attempt = 0; ; attempt += 1) {
    const isLast = attempt === TRIES - 1;
    const response = isLast ? await send() : await send().catch(() => null);
    if (response !== null && (isLast || !isPassing(response))) return await answerOf(response);
    await response?.body?.cancel();
    await waitAfter(response, attempt);
  }
}

async function answerOf(response: Response): Promise<unknown> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true && text !== '';
  const body: unknown = isJson ? JSON.parse(text) : null;
  if (response.ok) return body;
  // A problem by RFC 9457; a proxy in between may answer with something else.
  const { code = 'unexpected', detail = '' } = (body ?? {}) as { code?: string; detail?: string };
  throw new RefusedError(response.status, code, detail);
}
