import { z } from 'zod';
import { ENVIRONMENT, readConfig, readServiceConfig } from './config.ts';

/** A variable, what is in force, and why. */
export interface Setting {
  readonly variable: string;
  /** As one would write it, without secrets; null where nothing is in force. */
  readonly value: string | null;
  readonly source: 'environment' | 'default' | 'not set';
}

const SECRET = /SECRET|PASSWORD|TOKEN|(^|_)KEYS?(_|$)/;

const MASK = '***';
/** Parameters of addresses that say where and how, and not by which secret. */
const HARMLESS = new Set([
  'application_name',
  'cluster',
  'master',
  'nodes',
  'sentinels',
  'sslmode',
  'sslnegotiation',
  'sslrootcert',
  'uselibpqcompat',
]);

/** What may be shown of a value: of a secret its length, of an address all but its password and what its parameters may hide. */
function masked(variable: string, value: string): string {
  if (SECRET.test(variable)) return `${MASK} (${Buffer.byteLength(value)} bytes)`;
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || !URL.canParse(value)) return value;
  const url = new URL(value);
  if (url.password !== '') url.password = MASK;
  for (const name of new Set(url.searchParams.keys())) {
    if (!HARMLESS.has(name)) url.searchParams.set(name, MASK);
  }
  return url.href;
}

const isPlain = (value: unknown): value is number | boolean => ['number', 'boolean'].includes(typeof value);

/**
 * Every variable with what is in force in a process that serves, in the order of the configuration.
 * @throws ConfigError for the first thing that keeps such a process from starting
 */
export function describeConfig(environment: Readonly<Record<string, string | undefined>>): Setting[] {
  readServiceConfig(environment);
  const parsed: Readonly<Record<string, unknown>> = readConfig({});
  const { properties = {} } = z.toJSONSchema(ENVIRONMENT, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties).map(([variable, schema]) => {
    const given = environment[variable];
    if (given) return { variable, value: masked(variable, given), source: 'environment' };
    // As one would write it; where that is not said, what it comes to is the same.
    const written = typeof schema === 'object' ? schema.default : undefined;
    const fallback = written ?? (isPlain(parsed[variable]) ? parsed[variable] : '');
    if (fallback === '') return { variable, value: null, source: 'not set' };
    return { variable, value: String(fallback), source: 'default' };
  });
}
