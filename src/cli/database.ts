import { hostname, userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import type { WriteDeps } from '../application/write.ts';
import { ConfigError, readConfig } from '../platform/config.ts';
import { openDatabase } from '../platform/postgres/database.ts';
import { describeStatementProblem } from '../platform/postgres/database-problems.ts';
import { checkSchema, MIGRATIONS } from '../platform/postgres/migrations.ts';
import { CommandFailure, refused } from './failures.ts';
import type { Io } from './output.ts';

/** Options of a command that can work on the database itself. */
export interface DatabaseOptions {
  readonly database?: boolean;
  readonly by?: string;
}

const isByOperator = 'who does it, for other operators (with --database; the user and the host, unless given)';

/** Adds the option by which a command works on DATABASE_URL alone: without API, token, identity provider and Redis. */
export function orDatabase(command: Command): Command {
  return command.addOption(
    new Option('--database', 'work on DATABASE_URL itself: also where the service or its issuer is away').conflicts([
      'url',
      'token',
    ]),
  );
}

/** Adds the option that says who begins or releases something in the database. */
export const byOperator = (command: Command): Command => command.option('--by <name>', isByOperator);

/** Who does it: the name that was given, or the user on this machine. */
export const operatorOf = ({ by }: DatabaseOptions): string => by ?? `${userInfo().username}@${hostname()}`;

/**
 * Works on the database that DATABASE_URL names. No other variable is read, so that none of them can be in the way.
 * @throws Error with one line that says why that is not possible: it is away, has an older or newer schema, or does not
 *   let this role do it
 */
export async function onDatabase<T>(env: Io['env'], work: (deps: WriteDeps) => Promise<T>): Promise<T> {
  const { DATABASE_URL: url } = readConfig({ DATABASE_URL: env['DATABASE_URL'] });
  if (url === undefined) throw new ConfigError('DATABASE_URL must name the database');
  await checkSchema(url, MIGRATIONS);
  const db = openDatabase({ url, poolSize: 1, applicationName: 'resolution-center ops', onError: () => {} });
  try {
    return await work({ db, newId: uuidv7, onCommitted: () => {} });
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw refused(describeStatementProblem(url, error));
  } finally {
    await db.pool.end();
  }
}
