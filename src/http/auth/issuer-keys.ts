import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, type RemoteJWKSet } from 'jose';
import { ProblemError } from '../problems/problems.ts';
import { unavailable } from '../problems/unavailable.ts';
import { discoverKeys, fetchJson, WrongIssuer } from './discovery.ts';

/** Where an issuer's keys are: at a URL, or where its discovery document says. */
export type KeySource = { readonly jwksUrl: string } | { readonly issuer: string };

/** How keys are fetched and how long they count, all in milliseconds. */
export interface IssuerKeysOptions {
  /** Keys older than this are fetched anew beside the requests. */
  readonly refreshAfterMs: number;
  /** Keys older than this are fetched anew before they are used; while that fails they serve on. */
  readonly maxAgeMs: number;
  /** Keys older than this serve no more, also while the issuer is down. */
  readonly giveUpAfterMs: number;
  /** No fetch follows another, successful or not, within this time. */
  readonly cooldownMs: number;
  /** The same while there are no keys at all. */
  readonly firstCooldownMs: number;
  /** An address that was discovered is looked up again after this time. */
  readonly rediscoverAfterMs: number;
  readonly timeoutMs: number;
}

/**
 * A withdrawn key is believed for `maxAgeMs` and the 30 s that a verified token is cached, two minutes in all. While the
 * issuer is down it is believed for `giveUpAfterMs`: tokens live about as long, and the issuer makes no new ones.
 */
export const ISSUER_KEYS: IssuerKeysOptions = {
  refreshAfterMs: 60_000,
  maxAgeMs: 90_000,
  giveUpAfterMs: 3_600_000,
  cooldownMs: 30_000,
  firstCooldownMs: 1_000,
  rediscoverAfterMs: 3_600_000,
  timeoutMs: 2_000,
};

type OnFailure = (error: unknown) => void;

export interface IssuerKeysEvents {
  /** Called for each fetch that succeeded. */
  readonly onFetched: () => void;
  /** Called for each fetch that failed. */
  readonly onFailure: OnFailure;
  /** Called when the issuer publishes other keys than before. */
  readonly onNewKeys: () => void;
}

export interface IssuerKeys {
  /** For `jwtVerify`. Throws the problem `unavailable` while there are no keys that count. */
  readonly find: JWTVerifyGetKey;
  /** Fetches the keys in the background. */
  readonly prefetch: () => void;
  readonly close: () => void;
}

const MAX_RETRY_PAUSE_MS = 30_000;
const NO_KEYS = 'The keys that tokens are checked with cannot be fetched from their issuer at the moment.';

/** jose parses the set and finds keys in it; it fetches only when it is told to. */
function remoteSet(url: string, variable: string, timeoutMs: number): RemoteJWKSet {
  return createRemoteJWKSet(new URL(url), {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: Number.POSITIVE_INFINITY,
    timeoutDuration: timeoutMs,
    [customFetch]: async (address, { signal }) => Response.json(await fetchJson(address, variable, signal)),
  });
}

/** Finds the set of keys, and looks up a discovered address again when it is old or the last fetch failed. */
function createLocator(source: KeySource, onFailure: OnFailure, { rediscoverAfterMs, timeoutMs }: IssuerKeysOptions) {
  const setAt = (url: string) => remoteSet(url, variableOf(source), timeoutMs);
  if ('jwksUrl' in source) {
    const set = setAt(source.jwksUrl);
    return async () => set;
  }
  let located: { readonly url: string; readonly set: RemoteJWKSet; readonly at: number } | null = null;
  return async (lastTryFailed: boolean): Promise<RemoteJWKSet> => {
    const now = performance.now();
    if (located !== null && !lastTryFailed && now - located.at < rediscoverAfterMs) return located.set;
    try {
      const url = await discoverKeys(source.issuer, AbortSignal.timeout(timeoutMs));
      located = located?.url === url ? { ...located, at: now } : { url, set: setAt(url), at: now };
    } catch (error) {
      if (located === null) throw error;
      onFailure(error); // the address that is known may still have the keys
    }
    return located.set;
  };
}

const variableOf = (source: KeySource) => ('jwksUrl' in source ? 'AUTH_JWKS_URL' : 'AUTH_ISSUER');

/** Fetches the set; an answer that is no key set is a wrong configuration, not an outage. */
async function reload(set: RemoteJWKSet, source: KeySource): Promise<void> {
  try {
    await set.reload();
  } catch (error) {
    if (!(error instanceof errors.JWKSInvalid)) throw error;
    throw new WrongIssuer(`the answer is not a set of keys: check ${variableOf(source)}`);
  }
}

/**
 * The public keys of an issuer. jose's remote set alone would refuse every token as soon as its cache is old and the issuer
 * is down, and would ask an issuer that is down once per token. Here keys that are known serve on for a bounded time, and
 * neither an outage nor a storm of unknown key ids costs the issuer or a request more than one fetch per cool-down. A fetch
 * that failed is tried again in the background.
 */
export function createIssuerKeys(
  source: KeySource,
  { onFetched, onFailure, onNewKeys }: IssuerKeysEvents,
  options: IssuerKeysOptions = ISSUER_KEYS,
): IssuerKeys {
  const { refreshAfterMs, maxAgeMs, giveUpAfterMs, cooldownMs, firstCooldownMs } = options;
  const locate = createLocator(source, onFailure, options);
  let keys: RemoteJWKSet | null = null;
  let published = '';
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let lastTryFailed = false;
  let pending: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = firstCooldownMs;
  let isClosed = false;
  const since = (at: number) => performance.now() - at;

  const load = async (): Promise<void> => {
    const set = await locate(lastTryFailed);
    await reload(set, source);
    const now = JSON.stringify(set.jwks());
    if (keys !== null && now !== published) onNewKeys();
    [keys, published, fetchedAt, lastTryFailed] = [set, now, performance.now(), false];
    pauseMs = firstCooldownMs;
    onFetched();
  };

  /** Tries again in the background until the keys are there. */
  const retryLater = (): void => {
    if (isClosed) return;
    clearTimeout(timer);
    timer = setTimeout(() => void refresh(), keys === null ? pauseMs : cooldownMs).unref();
    pauseMs = Math.min(pauseMs * 2, MAX_RETRY_PAUSE_MS);
  };

  /** One fetch at a time, and none during the cool-down; never rejects. */
  const refresh = (): Promise<void> => {
    if (pending !== null) return pending;
    if (since(triedAt) < (keys === null ? firstCooldownMs : cooldownMs)) return Promise.resolve();
    triedAt = performance.now();
    pending = load()
      .catch((error: unknown) => {
        lastTryFailed = true;
        onFailure(error);
        retryLater();
      })
      .finally(() => {
        pending = null;
      });
    return pending;
  };

  const current = async (): Promise<RemoteJWKSet> => {
    const age = since(fetchedAt);
    // No request waits for an issuer that has just failed to answer, as long as there are keys that count.
    const isDown = lastTryFailed && since(triedAt) < maxAgeMs;
    if (keys === null || age >= giveUpAfterMs || (age >= maxAgeMs && !isDown)) await refresh();
    else if (age >= refreshAfterMs) void refresh();
    if (keys === null || since(fetchedAt) >= giveUpAfterMs) throw new ProblemError(unavailable(NO_KEYS));
    return keys;
  };

  const find: JWTVerifyGetKey = async (header, token) => {
    const set = await current();
    try {
      return await set(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      return await (await current())(header, token);
    }
  };
  const close = (): void => {
    isClosed = true;
    clearTimeout(timer);
  };
  return { find, prefetch: () => void refresh(), close };
}
