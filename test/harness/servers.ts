/** Where the servers of this run are: written by the global setup, read by the test files. */
const POSTGRES = 'TEST_RUN_POSTGRES_URL';
const REDIS = 'TEST_RUN_REDIS_URL';

/** The database that holds the migrated schema; every test file gets a copy of it. */
export const TEMPLATE_DATABASE = 'template_of_tests';

/** Tells the test files, which run in processes of their own, where the servers are. */
export function announceServers(urls: { postgres: string; redis: string }): void {
  process.env[POSTGRES] = urls.postgres;
  process.env[REDIS] = urls.redis;
}

function announced(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: the global setup did not run`);
  return value;
}

/** The address of one database of this run's cluster. */
export function databaseUrl(name: string): string {
  const url = new URL(announced(POSTGRES));
  url.pathname = `/${name}`;
  return url.href;
}

/** The address of one of the numbered databases of this run's Redis. */
export function redisUrlOf(db: number): string {
  const url = new URL(announced(REDIS));
  url.pathname = `/${db}`;
  return url.href;
}
