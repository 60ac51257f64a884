/**
 * What the text of answers and the meaning of statements depend on, and the promise that an answer survives a crash. A role or a
 * database may have other defaults: with `datestyle = 'SQL, DMY'` deadlines moved by months. Not the encoding of the client,
 * which the driver sets when it connects.
 */
const SESSION_DEFAULTS = [
  { name: 'search_path', value: 'public' },
  { name: 'synchronous_commit', value: 'on' },
  { name: 'datestyle', value: `'ISO, MDY'` },
  { name: 'intervalstyle', value: 'postgres' },
  { name: 'timezone', value: `'UTC'` },
  { name: 'bytea_output', value: 'hex' },
  { name: 'extra_float_digits', value: '1' },
  { name: 'standard_conforming_strings', value: 'on' },
] as const;

const PINS = SESSION_DEFAULTS.map(({ name, value }) => `SET LOCAL ${name} = ${value}`);

/** Begins a transaction that has the service's settings, and the time limits that are added to it. */
const beginWith = (...settings: readonly string[]): string =>
  ['BEGIN ISOLATION LEVEL READ COMMITTED', ...PINS, ...settings].join('; ');

const STATEMENT_MS = 4_000;
// A lock is waited for this long at most (then 503).
const LOCK_MS = 2_000;
// As long as a lock is waited for: longer, and those who wait for it are refused for nothing.
const FROZEN_AFTER_MS = 2_000;

export interface TxOptions {
  /**
   * How long this process may leave the server waiting for the next statement, in milliseconds; then it is taken for frozen,
   * and what it has locked is free again.
   */
  readonly frozenAfterMs?: number;
  /**
   * How long a statement may take with all that it waits for, in milliseconds. The limit for locks alone is not enough where
   * a caller must not wait longer: the second caller waits for the first one's turn, and then for the lock.
   */
  readonly statementMs?: number;
}

const limits = ({ frozenAfterMs = FROZEN_AFTER_MS, statementMs = STATEMENT_MS }: TxOptions) => [
  `SET LOCAL lock_timeout = ${LOCK_MS}`,
  `SET LOCAL statement_timeout = ${statementMs}`,
  `SET LOCAL idle_in_transaction_session_timeout = ${frozenAfterMs}`,
];

/**
 * Begins a transaction of the write path. All settings end with it, so that they hold behind a pooler that shares sessions.
 * Every statement looks up each of its rows by an index: for tables that are small yet, or whose numbers the planner does not
 * know, it would choose to read a whole table or a whole index and to hash it. With that choice gone, a generic plan is as good
 * as any, and it is made once.
 */
export const begin = (options: TxOptions): string =>
  beginWith(
    ...limits(options),
    'SET LOCAL enable_seqscan = off',
    'SET LOCAL enable_hashjoin = off',
    'SET LOCAL enable_mergejoin = off',
    'SET LOCAL enable_material = off',
    'SET LOCAL jit = off',
    'SET LOCAL plan_cache_mode = force_generic_plan',
  );

/** Begins a transaction for one statement that reads, on a session whose own settings are others. */
export const BEGIN_READ = beginWith(...limits({}));

/** Begins a transaction of the migrations, which wait for each other as long as that takes. */
export const BEGIN_MIGRATION = beginWith('SET LOCAL lock_timeout = 0', 'SET LOCAL statement_timeout = 0');

/**
 * Asks whether a session has the settings that a statement outside a transaction needs, which reads. Its time zone does not
 * matter: instants come with their offset.
 */
export const IS_USUAL = `SELECT current_schemas(false) = '{public}'::name[]
    AND current_setting('datestyle') LIKE 'ISO,%' AND current_setting('intervalstyle') = 'postgres'
    AND current_setting('bytea_output') = 'hex' AND current_setting('extra_float_digits')::integer >= 1
    AND current_setting('standard_conforming_strings')::boolean
    AND current_setting('default_transaction_isolation') = 'read committed'
    AND (SELECT bool_and(setting::integer = 0 OR setting::integer >= ${STATEMENT_MS}) FROM pg_settings
      WHERE name IN ('statement_timeout', 'lock_timeout')) AS "isUsual"`;
