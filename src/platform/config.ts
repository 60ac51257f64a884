import leven from 'leven';
import { z } from 'zod';
import { parseDuration } from './duration.ts';
import { faultOfDatabaseUrl } from './postgres/database-url.ts';
import { faultOfRedisUrl } from './redis/redis-url.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MIN_SECRET_BYTES = 32;
const KEY_BYTES = 32;
const MIN_PASSWORD = 16;

/** An ISO 8601 duration within bounds, as milliseconds. */
const duration = (fallback: string, minMs: number, maxMs: number, least = 'PT1S') =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms !== null && ms >= minMs && ms <= maxMs) return ms;
      context.addIssue({
        code: 'custom',
        message: `must be an ISO 8601 duration from ${least} to P90D, such as PT48H`,
      });
      return z.NEVER;
    });

const MIN_RETENTION_MS = DAY_MS;

/** How long something is kept, as milliseconds. */
const retention = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== null && ms >= MIN_RETENTION_MS) return ms;
  context.addIssue({ code: 'custom', message: 'must be an ISO 8601 duration of at least a day, such as P730D' });
  return z.NEVER;
});

const MAX_REMINDERS = 5;

/** Up to five ISO 8601 durations with commas between, as milliseconds; an empty list is written `none`. */
const durations = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const all = text === 'none' ? [] : text.split(',').map((part) => parseDuration(part.trim()));
      const valid = all.filter((ms) => ms !== null && ms >= 1_000 && ms <= 90 * DAY_MS);
      if (valid.length === all.length && all.length <= MAX_REMINDERS) return [...new Set(valid as number[])];
      context.addIssue({
        code: 'custom',
        message: 'must be up to five ISO 8601 durations such as PT24H,PT2H, or none',
      });
      return z.NEVER;
    });

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

const integer = (fallback: number, min: number, max: number) => wholeNumber(min, max).default(fallback);

const url = (protocols: RegExp, example: string) =>
  z.url({ protocol: protocols, error: `must be a URL such as ${example}`, abort: true });

/** Refuses a value with the fault that is found in it, if any. */
const without = (faultOf: (text: string) => string | null) => (text: string, context: z.RefinementCtx) => {
  const message = faultOf(text);
  if (message !== null) context.addIssue({ code: 'custom', message });
};

const ENCRYPTS = /^(prefer|require|verify-ca)$/;

/** The driver checks the certificate in each of these modes, and warns on eight lines that a later version will not. */
function checkingCertificates(text: string): string {
  const { searchParams } = new URL(text);
  if (searchParams.get('uselibpqcompat') === 'true') return text;
  return text.replace(/([?&]sslmode=)([\w-]+)/, (whole, name: string, mode: string) =>
    ENCRYPTS.test(mode) ? `${name}verify-full` : whole,
  );
}

const databaseUrl = url(
  /^postgres(ql)?$/,
  'postgres://user:password@host:5432/name (one host: an address that leads to the primary)',
)
  .superRefine(without(faultOfDatabaseUrl))
  .transform(checkingCertificates);

/** Keys of 32 bytes in base64, with commas between: the first one encrypts, all of them decrypt. */
const encryptionKeys = z.string().transform((text, context) => {
  const parts = text.split(',').map((part) => part.trim());
  const keys = parts.map((part) => Buffer.from(part, 'base64'));
  // Node reads as much of a text as is base64, and says nothing about the rest.
  const isWhole = keys.every((key, index) => key.length === KEY_BYTES && key.toString('base64') === parts[index]);
  if (isWhole) return keys as [Buffer, ...Buffer[]];
  context.addIssue({
    code: 'custom',
    message: `must be ${KEY_BYTES} random bytes in base64, or several such keys with commas`,
  });
  return z.NEVER;
});

/** Web origins with commas between. */
const origins = z
  .string()
  .default('')
  .transform((text, context) => {
    const all = text === '' ? [] : text.split(',').map((part) => part.trim());
    if (all.every((origin) => /^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin)) {
      return all;
    }
    context.addIssue({ code: 'custom', message: 'must be origins such as https://shop.example, with commas between' });
    return z.NEVER;
  });

/** Values with commas between, each of which has to match. */
const listOf = (text: z.ZodType<string, string | undefined>, item: RegExp, message: string) =>
  text.transform((value, context): readonly string[] => {
    const all = value.split(',').map((part) => part.trim());
    if (all.every((part) => item.test(part))) return all;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

// Names of claims and prefixes of scopes stand in quoted strings of headers.
const QUOTABLE = /^[!#-[\]-~]{1,256}$/;
const CLAIM_RULE = 'must have no white space, quote or backslash';

/** Whether a URL goes over a network without TLS. */
export function isReadableOnTheWay(text: string | undefined): boolean {
  if (text === undefined) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** Whether an issuer's discovery document can be asked for, and believed: over TLS, or on the same machine. */
function isDiscoverable(issuer: string | undefined): boolean {
  if (issuer === undefined || !URL.canParse(issuer) || isReadableOnTheWay(issuer)) return false;
  const { protocol, username, search, hash } = new URL(issuer);
  return /^https?:$/.test(protocol) && username === '' && search === '' && hash === '';
}

/** What tokens are checked with. */
export type TokenKeys =
  | { readonly kind: 'jwks'; readonly url: string }
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'discovery'; readonly issuer: string }
  /** A secret of this checkout, made at the first start. */
  | { readonly kind: 'development' };

/** What tokens are checked with, by what is configured. */
export function tokenKeysOf(env: {
  readonly AUTH_JWKS_URL?: string | undefined;
  readonly AUTH_SECRET?: string | undefined;
  readonly AUTH_ISSUER?: string | undefined;
}): TokenKeys {
  const { AUTH_JWKS_URL: url, AUTH_SECRET: secret, AUTH_ISSUER: issuer } = env;
  if (url) return { kind: 'jwks', url };
  if (secret) return { kind: 'secret', secret };
  return issuer ? { kind: 'discovery', issuer } : { kind: 'development' };
}

const tokenSecret = z
  .string()
  .refine((secret) => Buffer.byteLength(secret) >= MIN_SECRET_BYTES, `must have at least ${MIN_SECRET_BYTES} bytes`);

const disputeWindow = (fallback: string) => duration(fallback, 1_000, 90 * DAY_MS);

/** Every variable with what it may be; `readConfig` is how to read them. */
export const ENVIRONMENT = z
  .object({
    NODE_ENV: z.string().default('development'),
    DATABASE_URL: databaseUrl.optional(),
    REDIS_URL: url(/^rediss?$/, 'redis://host:6379')
      .superRefine(without(faultOfRedisUrl))
      .optional(),
    REDIS_PREFIX: z
      .string()
      .regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, colons, hyphens or underscores')
      .optional(),
    MODE: z.enum(['live', 'sandbox'], 'must be live or sandbox').optional(),
    ROLE: z.enum(['all', 'api', 'worker'], 'must be api, worker or all').default('all'),
    HOST: z.string().min(1).default('127.0.0.1'),
    PORT: integer(3000, 0, 65_535),
    OPS_HOST: z.string().min(1).optional(),
    OPS_PORT: wholeNumber(0, 65_535).optional(),
    OPS_USER: z
      .string()
      .regex(/^[^:\p{Cc}]+$/u, 'must have no colon and no control character')
      .optional(),
    OPS_PASSWORD: z.string().min(MIN_PASSWORD, `must have at least ${MIN_PASSWORD} characters`).optional(),
    OPS_QUEUES_WRITABLE: z
      .enum(['true', 'false'], 'must be true or false')
      .default('false')
      .transform((text) => text === 'true'),
    AUTH_JWKS_URL: url(/^https?$/, 'https://issuer.example/.well-known/jwks.json').optional(),
    AUTH_SECRET: tokenSecret.optional(),
    AUTH_SECRET_PREVIOUS: tokenSecret.optional(),
    AUTH_ISSUER: z.string().min(1).optional(),
    AUTH_AUDIENCE: listOf(z.string(), /^\S+$/, 'must be one audience, or several with commas between').optional(),
    AUTH_USER_CLAIM: z.string().regex(QUOTABLE, CLAIM_RULE).default('sub'),
    AUTH_SCOPE_CLAIM: listOf(
      z.string().default('scope,scp'),
      QUOTABLE,
      `must be names of claims with commas between; each ${CLAIM_RULE}`,
    ),
    AUTH_SCOPE_PREFIX: z.string().regex(QUOTABLE, CLAIM_RULE).optional(),
    WINDOW_ORDER_UPDATE: disputeWindow('PT48H'),
    WINDOW_CANCELLATION: disputeWindow('PT48H'),
    WINDOW_ORDER_CHANGE: disputeWindow('PT96H'),
    COOLDOWN_AFTER_DECLINE: duration('PT0S', 0, 90 * DAY_MS, 'PT0S'),
    RATE_LIMIT_PER_MINUTE: integer(600, 0, 1_000_000),
    CORS_ORIGINS: origins,
    PROXY_HOPS: integer(0, 0, 10),
    LOG_LEVEL: z
      .enum(
        ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
        'must be trace, debug, info, warn, error, fatal or silent',
      )
      .default('info'),
    COMMENT_RETENTION: retention.optional(),
    REMINDERS: durations('PT24H,PT2H'),
    WEBHOOK_ENCRYPTION_KEY: encryptionKeys.optional(),
    WEBHOOK_ALLOW_INSECURE: z
      .enum(['true', 'false'], 'must be true or false')
      .default('false')
      .transform((value) => value === 'true'),
    DATABASE_POOL_SIZE: integer(10, 1, 500),
    TIMER_HORIZON: duration('P90D', MINUTE_MS, 90 * DAY_MS),
  })
  .refine((env) => env.AUTH_JWKS_URL === undefined || env.AUTH_SECRET === undefined, {
    path: ['AUTH_SECRET'],
    message: 'must not be set together with AUTH_JWKS_URL',
  })
  .refine((env) => env.AUTH_SECRET !== undefined || env.AUTH_SECRET_PREVIOUS === undefined, {
    path: ['AUTH_SECRET_PREVIOUS'],
    message: 'needs AUTH_SECRET, which signs the tokens from now on',
  })
  .refine((env) => env.OPS_PASSWORD !== undefined || env.OPS_USER === undefined, {
    path: ['OPS_PASSWORD'],
    message: 'must be set together with OPS_USER',
  })
  .refine((env) => env.OPS_USER !== undefined || env.OPS_PASSWORD === undefined, {
    path: ['OPS_USER'],
    message: 'must be set together with OPS_PASSWORD',
  })
  .refine((env) => env.OPS_PORT !== undefined || env.OPS_HOST === undefined, {
    path: ['OPS_HOST'],
    message: 'needs OPS_PORT',
  })
  .refine((env) => env.OPS_PORT === undefined || env.OPS_PORT === 0 || env.OPS_PORT !== env.PORT, {
    path: ['OPS_PORT'],
    message: 'must not be PORT',
  })
  .refine((env) => env.NODE_ENV !== 'production' || tokenKeysOf(env).kind !== 'development', {
    path: ['AUTH_ISSUER'],
    message:
      'or AUTH_JWKS_URL or AUTH_SECRET must be set when NODE_ENV is production: there is no development secret there',
  })
  .refine((env) => tokenKeysOf(env).kind !== 'discovery' || isDiscoverable(env.AUTH_ISSUER), {
    path: ['AUTH_ISSUER'],
    message:
      'must be an https URL without a query, where its keys are discovered; else set AUTH_JWKS_URL or AUTH_SECRET',
  })
  .refine((env) => env.NODE_ENV !== 'production' || !isReadableOnTheWay(env.AUTH_JWKS_URL), {
    path: ['AUTH_JWKS_URL'],
    message: 'must be an https URL when NODE_ENV is production: keys that can be changed on the way let any caller in',
  })
  .refine((env) => env.NODE_ENV !== 'production' || !env.WEBHOOK_ALLOW_INSECURE, {
    path: ['WEBHOOK_ALLOW_INSECURE'],
    message: 'must not be true when NODE_ENV is production: webhooks could be turned inwards',
  });

/** The configuration: read from the environment once, at start. */
export type Config = Readonly<z.output<typeof ENVIRONMENT>>;

/** A variable has a value that the service cannot run with; the message is one line that names it. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

export type Mode = 'live' | 'sandbox';

/** The mode of a deployment: what MODE says, else `sandbox` with an embedded PostgreSQL and `live` with any other. */
export function modeOf({ MODE, DATABASE_URL }: Pick<Config, 'MODE' | 'DATABASE_URL'>): Mode {
  return MODE ?? (DATABASE_URL === undefined ? 'sandbox' : 'live');
}

const KNOWN = Object.keys(ENVIRONMENT.shape);
const prefixOf = (name: string): string | null => /^[A-Z]+_/.exec(name)?.[0] ?? null;
const PREFIXES = new Set(KNOWN.map(prefixOf).filter((prefix) => prefix !== null));
/** Variables of other programs whose names are almost ours; npm sets `NODE` for what it runs. */
const OF_OTHERS = ['NODE', 'PROXY_HOST', 'PROXY_PORT'];
// Short names (HOST, PORT, ROLE) resemble variables of other programs.
const LONG_ENOUGH = 8;
const TYPOS = 2;

/** A variable that is set and is not one of ours, and the one of ours that its name resembles. */
export interface Resemblance {
  readonly name: string;
  readonly meant: string;
}

/** The candidate that a name differs least from, by at most `typos` letters; undefined if there is none. */
export const nearest = (name: string, candidates: readonly string[], typos: number): string | undefined =>
  candidates
    .map((known) => ({ known, distance: leven(name.toUpperCase(), known, { maxDistance: typos + 1 }) }))
    .filter(({ distance }) => distance <= typos)
    .sort((one, other) => one.distance - other.distance)[0]?.known;

/**
 * A variable that is set and is almost one of ours: a window that is silently not in force would cancel orders too early. A name
 * with a prefix of ours counts also where the right one is set, unless it is the right one with a part behind it
 * (`DATABASE_URL_2`).
 */
function misspelt(given: Readonly<Record<string, unknown>>): Resemblance | null {
  for (const name of Object.keys(given)) {
    if (KNOWN.includes(name) || OF_OTHERS.includes(name) || name.length < LONG_ENOUGH - TYPOS) continue;
    const isPrefixed = PREFIXES.has(prefixOf(name.toUpperCase()) ?? '');
    const candidates = KNOWN.filter(
      (known) => known.length >= LONG_ENOUGH && (!(known in given) || (isPrefixed && !name.startsWith(`${known}_`))),
    );
    const meant = nearest(name, candidates, TYPOS);
    if (meant !== undefined) return { name, meant };
  }
  return null;
}

const SHORT = KNOWN.filter((name) => name.length < LONG_ENOUGH && !name.includes('_'));

/**
 * Variables that are set and resemble ones of ours with a short name (`HOST`, `PORT`, `ROLE`, `MODE`). They may belong to other
 * programs, so they are no reason to refuse a start.
 */
export function resemblingShortNames(environment: Readonly<Record<string, string | undefined>>): Resemblance[] {
  return Object.keys(environment).flatMap((name) => {
    if (KNOWN.includes(name) || OF_OTHERS.includes(name) || !environment[name]) return [];
    const meant = nearest(name, SHORT, 1);
    return meant === undefined ? [] : [{ name, meant }];
  });
}

/** What a warning says of a resemblance. */
export const describeResemblance = ({ name, meant }: Resemblance): string =>
  `${name} is set and is not a variable of the service: is ${meant} meant?`;

/**
 * Reads the configuration. An empty variable counts as one that is not set.
 * @throws ConfigError for the first wrong value, and for a variable that is almost one of ours
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const typo = misspelt(given);
  if (typo !== null) throw new ConfigError(`${typo.name} is not a variable of the service; ${typo.meant} is`);
  const parsed = ENVIRONMENT.safeParse(given);
  if (parsed.success) return Object.freeze(parsed.data);
  const [issue] = parsed.error.issues;
  throw new ConfigError(`${issue?.path.join('.')} ${issue?.message}`);
}

/**
 * Reads the configuration of a process that serves: in production, embedded servers are refused, since nothing
 * backs them up and processes on other hosts do not reach them.
 * @throws ConfigError as `readConfig`, and for a server that is not configured in production
 */
export function readServiceConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const config = readConfig(environment);
  const unset = (['DATABASE_URL', 'REDIS_URL'] as const).find((name) => config[name] === undefined);
  if (config.NODE_ENV !== 'production' || unset === undefined) return config;
  throw new ConfigError(`${unset} must be set when NODE_ENV is production: there is no embedded server there`);
}
