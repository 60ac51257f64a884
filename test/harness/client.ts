import type { Scope } from '../../src/application/caller.ts';
import { mintToken } from '../../src/dev/development.ts';
import { Answer } from './api/answer.ts';
import { checkAnswer } from './api/conformance.ts';
import type { Transport } from './api/transport.ts';
import { watchAnswer } from './run/canary.ts';

export type Headers = Readonly<Record<string, string>>;

/** Sends requests as one caller. Every answer is held against the OpenAPI document; one that it forbids is thrown. */
export interface Client {
  readonly get: <T>(path: string, headers?: Headers) => Promise<Answer<T>>;
  readonly put: <T>(path: string, body?: unknown, headers?: Headers) => Promise<Answer<T>>;
  readonly post: <T>(path: string, body?: unknown, headers?: Headers) => Promise<Answer<T>>;
  readonly patch: <T>(path: string, body?: unknown, headers?: Headers) => Promise<Answer<T>>;
  readonly delete: <T>(path: string, headers?: Headers) => Promise<Answer<T>>;
  /** Sends exactly these bytes, with these headers and the caller's token. */
  readonly send: <T>(method: string, path: string, headers: Headers, payload?: string) => Promise<Answer<T>>;
}

/** The clients of one service. */
export interface Clients {
  /** A user. */
  readonly as: (sub: string) => Client;
  /** A service with these scopes. */
  readonly withScopes: (...scopes: readonly Scope[]) => Client;
  /** A caller with this as the whole Authorization header; null sends none. */
  readonly withAuthorization: (header: string | null) => Client;
}

function createClient(transport: Transport, authorization: () => Promise<string | null>): Client {
  const send = async <T>(method: string, path: string, headers: Headers, payload?: string) => {
    const credential = await authorization();
    const request = {
      method,
      path,
      headers: { ...(credential !== null && { authorization: credential }), ...headers },
      ...(payload !== undefined && { payload }),
    };
    const answer = await transport(request);
    checkAnswer(request, answer);
    await watchAnswer(request, answer);
    return new Answer<T>(answer);
  };
  const sendJson = <T>(method: string, path: string, body: unknown, headers: Headers = {}) =>
    body === undefined
      ? send<T>(method, path, headers)
      : send<T>(method, path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body));
  return {
    send,
    get: (path, headers) => sendJson('GET', path, undefined, headers),
    put: (path, body, headers) => sendJson('PUT', path, body, headers),
    post: (path, body, headers) => sendJson('POST', path, body, headers),
    patch: (path, body, headers) => sendJson('PATCH', path, body, headers),
    delete: (path, headers) => sendJson('DELETE', path, undefined, headers),
  };
}

/** The secret with which the harness signs tokens. */
export const TEST_SECRET = 'the secret of the tests, which is long enough';

/** Clients whose tokens are signed with the harness's secret, or with another. */
export function createClients(transport: Transport, secret = TEST_SECRET): Clients {
  const minted = new Map<string, Promise<string>>();
  const bearer = (sub: string, scope?: string) => {
    const id = `${sub} ${scope}`;
    const token = minted.get(id) ?? mintToken(secret, { sub, scope });
    minted.set(id, token);
    return async () => `Bearer ${await token}`;
  };
  return {
    as: (sub) => createClient(transport, bearer(sub)),
    withScopes: (...scopes) => createClient(transport, bearer('a-service', scopes.join(' '))),
    withAuthorization: (header) => createClient(transport, async () => header),
  };
}
