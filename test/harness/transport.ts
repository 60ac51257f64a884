import type { FastifyInstance } from 'fastify';
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

/** Sends requests into an app of this process, without a socket. */
export function injectInto(app: FastifyInstance): Transport {
  return async ({ method, path, headers, payload }) => {
    const response = await app.inject({
      method: method as 'GET',
      url: path,
      headers,
      ...(payload !== undefined && { payload }),
    });
    return { status: response.statusCode, headers: flat(response.headers), text: response.body };
  };
}

const REQUEST_TIMEOUT_MS = 20_000;

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
    return {
      status: response.status,
      headers: flat(Object.fromEntries(response.headers)),
      text: await response.text(),
    };
  };
}
