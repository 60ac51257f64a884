import type { Run } from './run.ts';

/** Where the servers of this run and its build are: written by the global setup, read by the test files. */
const POSTGRES = 'TEST_RUN_POSTGRES_URL';
const REDIS = 'TEST_RUN_REDIS_URL';
const SERVICE = 'TEST_RUN_SERVICE_DIRECTORY';

/** The database that holds the migrated schema; every test file gets a copy of it. */
export const TEMPLATE_DATABASE = 'template_of_tests';

/** Tells the test files, which run in processes of their own, where everything is. */
export function announceRun({ postgresUrl, redisUrl, serviceDirectory }: Run): void {
  process.env[POSTGRES] = postgresUrl;
  process.env[REDIS] = redisUrl;
  process.env[SERVICE] = serviceDirectory;
}

function announced(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: the global setup did not run`);
  return value;
}

/** The directory in which this run has built the service: `dist` with what the image has beside it. */
export const serviceDirectory = (): string => announced(SERVICE);

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
