import type { FastifyInstance } from 'fastify';
import { EVENT_STREAM } from '../../../src/http/endpoint/media-types.ts';
import type { RawAnswer } from './answer.ts';

/** A request as it goes over the wire. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: string;
}

/** A way to send requests to a service. */
export type Transport = (request: RawRequest) => Promise<RawAnswer>;

function flat(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

/** Who asks for a stream gets what comes first, and hangs up. */
async function beginningOf(app: FastifyInstance, { path, headers }: RawRequest): Promise<RawAnswer> {
  const response = await app.inject({ method: 'GET', url: path, headers, payloadAsStream: true });
  const isStream = String(response.headers['content-type']).startsWith(EVENT_STREAM);
  let text = '';
  for await (const chunk of response.stream()) {
    text += chunk;
    if (isStream) break;
  }
  response.raw.res.destroy();
  return { status: response.statusCode, headers: flat(response.headers), text };
}

/** Sends requests into an app of this process, without a socket. */
export function injectInto(app: FastifyInstance): Transport {
  return async (request) => {
    const { method, path, headers, payload } = request;
    if (headers['accept'] === EVENT_STREAM) return await beginningOf(app, request);
    const response = await app.inject({
      method: method as 'GET',
      url: path,
      headers,
      ...(payload !== undefined && { payload }),
    });
    return { status: response.statusCode, headers: flat(response.headers), text: response.body };
  };
}

/** What comes first of a stream; its connection is ended. */
async function firstOf(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const reader = body?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  return new TextDecoder().decode(first?.value);
}

const REQUEST_TIMEOUT_MS = 60_000;

/** Sends requests over HTTP. */
export function fetchFrom(baseUrl: string): Transport {
  return async ({ method, path, headers, payload }) => {
    const response = await fetch(new URL(path, baseUrl), {
      method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(payload !== undefined && { body: payload }),
    });
    const answer = { status: response.status, headers: flat(Object.fromEntries(response.headers)) };
    const isStream = String(answer.headers['content-type']).startsWith(EVENT_STREAM);
    return { ...answer, text: isStream ? await firstOf(response.body) : await response.text() };
  };
}
