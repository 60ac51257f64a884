import { z } from 'zod';
import { isReadableOnTheWay } from '../../platform/config.ts';

const MAX_BYTES = 256 * 1_024;
const PATH = '/.well-known/openid-configuration';

/** The issuer answers, and not as the configuration has it: retrying will not help. The message says what to set. */
export class WrongIssuer extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WrongIssuer';
  }
}

async function textOf(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  // Typed as a stream of the DOM, which has no iterator; Node's has one.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_BYTES) throw new WrongIssuer(`${url} answered with more than ${MAX_BYTES} bytes`);
  }
  return text;
}

/**
 * Fetches a document of an issuer. Redirects are not followed: who may name the keys is configured.
 * @param variable the configuration that has led there, for the message
 * @throws WrongIssuer if the answer is none that another attempt could mend
 */
export async function fetchJson(url: string, variable: string, signal: AbortSignal): Promise<unknown> {
  const headers = { accept: 'application/json, application/jwk-set+json' };
  const response = await fetch(url, { headers, redirect: 'manual', signal });
  const { status } = response;
  if (status !== 200) {
    await response.body?.cancel();
    const message = `${url} answered ${status}`;
    throw status >= 300 && status < 500 && status !== 429
      ? new WrongIssuer(`${message}: check ${variable}`)
      : new Error(message);
  }
  const text = await textOf(response, url);
  try {
    return JSON.parse(text);
  } catch {
    throw new WrongIssuer(`${url} did not answer with JSON: check ${variable}`);
  }
}

const Metadata = z.object({ issuer: z.string(), jwks_uri: z.string().refine((text) => URL.canParse(text)) });

/**
 * Finds out where an issuer publishes its keys (OpenID Connect Discovery).
 * @param issuer exactly as `iss` in its tokens
 * @throws WrongIssuer if the document is of another issuer or names no keys that can be trusted
 */
export async function discoverKeys(issuer: string, signal: AbortSignal): Promise<string> {
  const url = issuer.replace(/\/$/, '') + PATH;
  const parsed = Metadata.safeParse(await fetchJson(url, 'AUTH_ISSUER', signal));
  if (!parsed.success) throw new WrongIssuer(`${url} names no issuer with a jwks_uri: set AUTH_JWKS_URL`);
  const { issuer: named, jwks_uri: keys } = parsed.data;
  if (named !== issuer) {
    throw new WrongIssuer(
      `AUTH_ISSUER is ${issuer}, and ${url} is of the issuer ${named}: set AUTH_ISSUER to exactly that`,
    );
  }
  if (!/^https?:/.test(keys) || isReadableOnTheWay(keys)) {
    throw new WrongIssuer(`${url} names keys at ${keys}, which is not https: set AUTH_JWKS_URL`);
  }
  return keys;
}
