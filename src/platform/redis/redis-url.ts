import { faultOfParameters } from '../network/url-parameters.ts';

/** Whether a URL names the nodes of a Redis Cluster, and not one server. */
export const isCluster = (url: string): boolean => new URL(url).searchParams.get('cluster') === 'true';

const PARAMETERS = {
  known: ['cluster', 'nodes', 'master', 'sentinels', 'sentinelPassword'],
  instead: {
    db: 'write the number of the database behind the host, as in redis://host:6379/0',
    family: 'leave it out, since addresses of both kinds are tried',
    keyPrefix: 'use REDIS_PREFIX',
    password: 'write it before the host, as in redis://:password@host:6379',
    prefix: 'use REDIS_PREFIX',
    ssl: 'write rediss:// for TLS',
    tls: 'write rediss:// for TLS',
    username: 'write it before the host, as in redis://user:password@host:6379',
  },
} as const;

/** Which parameter has to be there for another one to mean anything. */
const NEEDS: readonly (readonly [string, string, (value: string | null) => boolean])[] = [
  ['nodes', 'cluster=true', (value) => value === 'true'],
  ['sentinels', 'master', (value) => value !== null],
  ['sentinelPassword', 'master', (value) => value !== null],
];

/**
 * Finds what a URL says and the service would not do.
 * @returns one line that follows the name of the variable, or null
 */
export function faultOfRedisUrl(text: string): string | null {
  const { pathname, searchParams, hash } = new URL(text);
  const fault = faultOfParameters(text, PARAMETERS);
  if (fault !== null) return fault;
  if (hash !== '') return 'must have no #: write it as %23 in a password';
  if (!/^\/?\d*$/.test(pathname)) return 'must name the database by its number, as in redis://host:6379/0';
  if (!['true', 'false', null].includes(searchParams.get('cluster'))) return 'must have cluster=true or leave it out';
  for (const [name, needed, isGiven] of NEEDS) {
    const [parameter = ''] = needed.split('=');
    if (searchParams.has(name) && !isGiven(searchParams.get(parameter))) return `needs ${needed} beside ${name}`;
  }
  const isMixedUp = isCluster(text) && (!/^\/?0?$/.test(pathname) || searchParams.has('master'));
  return isMixedUp ? 'must name no database but 0 and no Sentinel master where it names a cluster' : null;
}
