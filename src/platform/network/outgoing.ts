import type { Readable } from 'node:stream';
import type { HttpClient, HttpClientOptions } from './http-client.ts';
import { urlFault } from './public-address.ts';

/** What came of a request: an answer, or why there was none. */
export interface Answer {
  readonly statusCode: number | null;
  readonly error: string | null;
  /** The beginning of the answer's body. */
  readonly text: string | null;
  readonly retryAfter: string | null;
  readonly durationMs: number;
}

export interface OutgoingRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends requests to addresses that strangers have given us. */
export interface Outgoing {
  /**
   * Sends a POST. It never follows a redirect, and waits 15 s at most for the status line, which decides. A failure of the network or of the
   * receiver is an answer with an `error`.
   * @throws an error of our own, such as a TypeError: the receiver had no part in it
   */
  readonly post: (request: OutgoingRequest) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

export type OutgoingOptions = Omit<HttpClientOptions, 'timeoutMs'>;

const TOTAL_MS = 15_000;
/** How long the body of an answer may take: it is shown to people, and decides nothing. */
const BODY_MS = 2_000;
const BODY_LIMIT = 64 * 1024;
const KEPT_CHARS = 1_000;

/**
 * Reads the beginning of a body, and lets go of the rest. A body that is cut or never ends is no failure: the status line
 * has said what there is to say.
 */
async function readBeginning(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => body.destroy(), BODY_MS);
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= BODY_LIMIT) break;
    }
  } catch {
    // What has come until then is what is shown.
  } finally {
    clearTimeout(timer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  // Postgres takes no NUL in a text.
  return [...text.replaceAll('\0', '\u{fffd}').slice(0, KEPT_CHARS * 2)].slice(0, KEPT_CHARS).join('');
}

interface Failure {
  readonly name?: string;
  readonly code?: unknown;
  readonly message?: string;
  readonly cause?: unknown;
}

/** Error codes that say what is wrong with our request or our process, and nothing of the network or the receiver. */
const OUR_CODES = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_INVALID_RETURN_VALUE',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
]);
/** By name, since Node gives some of them a code as well. */
const OUR_NAMES = new Set(['AssertionError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError']);

/** What failed on the network or at the receiver, in a word that says nothing of our own network; null for any other error. */
function failureOf(error: unknown): string | null {
  const { name = '', code, message = '', cause } = (error ?? {}) as Failure;
  if (name === 'TimeoutError') return `no answer within ${TOTAL_MS / 1_000} s`;
  if (cause !== undefined) return failureOf(cause);
  if (name === 'ForbiddenAddressError') return message;
  return typeof code === 'string' && !OUR_CODES.has(code) && !OUR_NAMES.has(name) ? code : null;
}

async function openClient(options: OutgoingOptions): Promise<HttpClient> {
  // Imported by the first request, since reading undici takes a tenth of a start.
  const { openHttpClient } = await import('./http-client.ts');
  return openHttpClient({ ...options, timeoutMs: TOTAL_MS });
}

/** Makes the sender of requests. A connection is used again for the address that was checked when it was made. */
export function openOutgoing(options: OutgoingOptions): Outgoing {
  let opening: Promise<HttpClient> | null = null;
  const send = async ({ url, headers, body }: OutgoingRequest): Promise<Omit<Answer, 'durationMs'>> => {
    opening ??= openClient(options);
    const { request, dispatcher } = await opening;
    const signal = AbortSignal.timeout(TOTAL_MS);
    const answer = await request(url, { method: 'POST', headers: { ...headers }, body, dispatcher, signal });
    const text = await readBeginning(answer.body);
    const { 'retry-after': asked } = answer.headers;
    const retryAfter = typeof asked === 'string' ? asked : null;
    return { statusCode: answer.statusCode, error: null, text, retryAfter };
  };
  const post = async (request: OutgoingRequest): Promise<Answer> => {
    const begun = performance.now();
    const took = () => Math.round(performance.now() - begun);
    const nothing = { statusCode: null, text: null, retryAfter: null };
    const fault = urlFault(request.url, options.allowInsecure);
    if (fault !== null) return { ...nothing, error: fault, durationMs: 0 };
    try {
      return { ...(await send(request)), durationMs: took() };
    } catch (error) {
      const failure = failureOf(error);
      if (failure === null) throw error;
      return { ...nothing, error: failure, durationMs: took() };
    }
  };
  const close = async () => {
    const client = await opening?.catch(() => null);
    await client?.dispatcher.destroy();
  };
  return { post, close };
}
