import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { ProblemError, UNAVAILABLE } from './problems.ts';

/** How keys are fetched and how long they count, all in milliseconds. */
export interface IssuerKeysOptions {
  /** Keys older than this are fetched anew beside the requests. */
  readonly refreshAfterMs: number;
  /** Keys older than this are fetched anew before they are used; if that fails they serve on. */
  readonly maxAgeMs: number;
  /** Keys older than this serve no more, also while the issuer is away. */
  readonly giveUpAfterMs: number;
  /** So long after a fetch, successful or not, no other is made. */
  readonly cooldownMs: number;
  /** The same as long as there are no keys at all. */
  readonly firstCooldownMs: number;
  readonly timeoutMs: number;
}

export const ISSUER_KEYS: IssuerKeysOptions = {
  refreshAfterMs: 300_000,
  maxAgeMs: 600_000,
  giveUpAfterMs: 24 * 3_600_000,
  cooldownMs: 30_000,
  firstCooldownMs: 1_000,
  timeoutMs: 2_000,
};

const MAX_BYTES = 256 * 1_024;

async function fetchKeys(url: string, timeoutMs: number): Promise<JWTVerifyGetKey> {
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { accept: 'application/jwk-set+json, application/json' };
  const response = await fetch(url, { headers, redirect: 'error', signal });
  if (response.status !== 200) throw new Error(`the issuer answered ${response.status}`);
  if (Number(response.headers.get('content-length') ?? 0) > MAX_BYTES) throw new Error('the key set is too large');
  return createLocalJWKSet((await response.json()) as JSONWebKeySet);
}

/**
 * The public keys of an issuer, by URL. Unlike jose's remote set, keys that are known serve on while the issuer is away,
 * and a failed fetch cools down like a successful one: neither an outage nor a storm of unknown key ids costs the issuer
 * or a request more than one fetch per cool-down.
 * @param onFailure told of each fetch that failed
 * @returns for `jwtVerify`; raises `unavailable` if there are no keys that count
 */
export function createIssuerKeys(
  url: string,
  onFailure: (error: unknown) => void,
  options: IssuerKeysOptions = ISSUER_KEYS,
): JWTVerifyGetKey {
  const { refreshAfterMs, maxAgeMs, giveUpAfterMs, cooldownMs, firstCooldownMs, timeoutMs } = options;
  let keys: JWTVerifyGetKey | null = null;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let lastTryFailed = false;
  let pending: Promise<void> | null = null;
  const since = (at: number) => performance.now() - at;

  /** One fetch at a time, and none during the cool-down; never rejects. */
  const refresh = (): Promise<void> => {
    if (pending !== null) return pending;
    if (since(triedAt) < (keys === null ? firstCooldownMs : cooldownMs)) return Promise.resolve();
    triedAt = performance.now();
    pending = fetchKeys(url, timeoutMs)
      .then((fetched) => {
        keys = fetched;
        fetchedAt = performance.now();
        lastTryFailed = false;
      })
      .catch((error: unknown) => {
        lastTryFailed = true;
        onFailure(error);
      })
      .finally(() => {
        pending = null;
      });
    return pending;
  };

  const current = async (): Promise<JWTVerifyGetKey> => {
    const age = since(fetchedAt);
    // Nobody waits a second time for an issuer that has just not answered.
    if (keys === null || (age >= maxAgeMs && !lastTryFailed)) await refresh();
    else if (age >= refreshAfterMs) void refresh();
    if (keys === null || since(fetchedAt) >= giveUpAfterMs) throw new ProblemError(UNAVAILABLE);
    return keys;
  };

  return async (header, token) => {
    const known = await current();
    try {
      return await known(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      return await (await current())(header, token);
    }
  };
}
