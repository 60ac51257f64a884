import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MIGRATIONS, migrate } from '../../../src/platform/postgres/migrations.ts';
import { createDatabase } from '../../harness/database.ts';
import { startProxy } from '../../harness/programs/proxy.ts';
import { startService } from '../../harness/service.ts';
import { runMainFlow } from './flow.ts';
import type { Place } from './observe.ts';
import type { Row } from './row.ts';
import { move } from './servers/logical-move.ts';
import { createRole, OTHER_DEFAULTS, setDefaults } from './servers/other-defaults.ts';
import { hasPgBouncer, startPgBouncer } from './servers/pgbouncer.ts';
import { startManagedPostgres } from './servers/postgres-server.ts';

const ROLES = join(import.meta.dirname, '../../../ops/roles.sql');
const PASSWORD = 'a-password-of-the-tests';

/** The role that the docs recommend, with the rights that it is given. */
async function leastRights(): Promise<Place> {
  const database = await (await startManagedPostgres()).createDatabase();
  await database.query(await readFile(ROLES, 'utf8'));
  await migrate(database.url, MIGRATIONS);
  await database.query(`ALTER ROLE resolution_center_app PASSWORD '${PASSWORD}'`);
  const url = new URL(database.url);
  [url.username, url.password] = ['resolution_center_app', PASSWORD];
  return { database, databaseUrl: url.href };
}

async function failover(): Promise<Place> {
  const primary = await startManagedPostgres();
  const before = await primary.createDatabase('service');
  const standby = await primary.startStandby();
  const after = standby.database('service');
  const address = await startProxy(before.url);
  const spoil = async () => {
    await standby.query('SELECT pg_promote()');
    address.moveTo(after.url);
    await primary.configure({ default_transaction_read_only: 'on' });
  };
  return { database: after, databaseUrl: address.url, spoil };
}

async function readOnlyForAWhile(): Promise<Place> {
  const server = await startManagedPostgres();
  const database = await server.createDatabase();
  return {
    database,
    spoil: () => server.configure({ default_transaction_read_only: 'on' }),
    heal: () => server.configure({ default_transaction_read_only: 'off' }),
  };
}

async function withoutConnections(): Promise<Place> {
  const database = await createDatabase();
  const databaseUrl = await createRole(database);
  const role = new URL(databaseUrl).username;
  return {
    database,
    databaseUrl,
    spoil: async () => {
      await database.query(`ALTER ROLE ${role} CONNECTION LIMIT 0`);
      await database.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [role]);
    },
    heal: () => database.query(`ALTER ROLE ${role} CONNECTION LIMIT -1`),
  };
}

/** A database that is reached with a password, and how a service is told of it. */
async function withPassword(change: (url: URL) => void): Promise<Place> {
  const database = await createDatabase();
  const url = new URL(await createRole(database));
  change(url);
  return { database, databaseUrl: url.href };
}

async function passwordChanged(): Promise<Place> {
  const database = await createDatabase();
  const databaseUrl = await createRole(database);
  const { username, password } = new URL(databaseUrl);
  return {
    database,
    databaseUrl,
    spoil: async () => {
      await database.query(`ALTER ROLE ${username} PASSWORD 'another-one'`);
      await database.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [username]);
    },
    heal: () => database.query(`ALTER ROLE ${username} PASSWORD '${decodeURIComponent(password)}'`),
  };
}

const REACHED: readonly Row[] = [
  {
    name: 'a wrong password in `DATABASE_URL`',
    expected: 'refuses',
    setUp: () =>
      withPassword((url) => {
        url.password = 'wrong';
      }),
  },
  {
    name: 'an unknown parameter (`?ssl_mode=`) in `DATABASE_URL`',
    expected: 'refuses',
    setUp: () => withPassword((url) => url.searchParams.set('ssl_mode', 'require')),
  },
  {
    name: 'a password that is changed, and changed back, while all connections end',
    expected: 'unavailable',
    setUp: passwordChanged,
  },
];

async function moved(): Promise<Place> {
  const server = await startManagedPostgres({ wal_level: 'logical' });
  const blue = await server.createDatabase();
  const before = await startService({ role: 'all', database: blue, env: { WINDOW_CANCELLATION: 'PT2S' } });
  await runMainFlow(before);
  await before.close();
  return { database: await move(server, blue) };
}

const TAKES_NO_WRITES: readonly Row[] = [
  {
    name: 'a standby',
    expected: 'refuses',
    setUp: async () => {
      const primary = await startManagedPostgres();
      await primary.createDatabase('service');
      return { database: (await primary.startStandby()).database('service') };
    },
  },
  {
    name: '`default_transaction_read_only = on` of the database',
    expected: 'refuses',
    setUp: async () => {
      const database = await createDatabase();
      await setDefaults(database, { default_transaction_read_only: 'on' });
      return { database };
    },
  },
  {
    name: 'a primary that becomes read-only, and takes writes again',
    expected: 'unavailable',
    setUp: readOnlyForAWhile,
  },
  { name: 'a failover to a standby behind one address', expected: 'ready', setUp: failover },
];

const CONNECTIONS: readonly Row[] = [
  {
    name: 'fewer connections than the pool (`CONNECTION LIMIT 3`)',
    expected: 'ready',
    setUp: async () => {
      const database = await createDatabase();
      return { database, databaseUrl: await createRole(database, { connectionLimit: 3 }) };
    },
  },
  { name: 'no connection to be had for a while', expected: 'unavailable', setUp: withoutConnections },
];

/** Without PgBouncer (Debian: apt-get install pgbouncer) there is none to go through. */
const POOLED: readonly Row[] = [
  {
    name: 'PgBouncer (transaction mode) with two server connections',
    expected: 'ready',
    setUp: async () => {
      const database = await createDatabase();
      return { database, databaseUrl: await startPgBouncer(database, 2) };
    },
  },
  {
    name: 'PgBouncer, and a role with all of the defaults below',
    expected: 'ready',
    setUp: async () => {
      const database = await createDatabase();
      const url = await createRole(database, { settings: OTHER_DEFAULTS });
      return { database, databaseUrl: await startPgBouncer({ ...database, url }, 3) };
    },
  },
];

/** Every setting of PostgreSQL in the table. */
export const POSTGRES_ROWS: readonly Row[] = [
  { name: 'the role `resolution_center_app` of `ops/roles.sql`', expected: 'ready', setUp: leastRights },
  ...REACHED,
  ...TAKES_NO_WRITES,
  ...CONNECTIONS,
  ...(hasPgBouncer ? POOLED : []),
  { name: 'a copy by logical replication, after the move', expected: 'ready', setUp: moved },
  ...Object.entries(OTHER_DEFAULTS).map(
    ([name, value]): Row => ({
      name: `a role with \`${name} = ${value}\``,
      expected: 'ready',
      setUp: async () => {
        const database = await createDatabase();
        return { database, databaseUrl: await createRole(database, { settings: { [name]: value } }) };
      },
    }),
  ),
];
