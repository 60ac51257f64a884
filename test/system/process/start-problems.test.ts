import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { freePort } from '../../../src/dev/embedded/processes.ts';
import { problemOfServer } from '../../../src/platform/postgres/database-problems.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { administrate, createDatabase } from '../../harness/database.ts';
import { runProgram, startProcess } from '../../harness/process.ts';
import { testRedisUrl } from '../../harness/redis.ts';
import { databaseUrl } from '../../harness/run/servers.ts';
import { testEnvironment } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';

const LIMIT_MS = 300_000;

/** The address of a server that accepts connections and never answers. */
async function silentServer(onConnection = () => {}): Promise<string> {
  const server = createServer((socket) => {
    onConnection();
    onCleanup(async () => void socket.destroy());
    socket.on('error', () => {});
    socket.resume();
  }).listen(0, '127.0.0.1');
  onCleanup(async () => void server.close());
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`; // of a server that listens on TCP
}

/** A database without tables. */
async function emptyDatabase(options = ''): Promise<string> {
  const name = `empty_${randomUUID().replaceAll('-', '')}`;
  await administrate(`CREATE DATABASE ${name} ${options}`);
  onCleanup(() => administrate(`DROP DATABASE ${name} WITH (FORCE)`));
  return databaseUrl(name);
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

/** Starts the service where it cannot start, and returns the line that it writes. */
async function refusal(url: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const started = runProgram('main.js', [], {
    env: { ...testEnvironment(url, await testRedisUrl()), LOG_LEVEL: 'silent', ...env },
  });
  expect(await started.exited).toEqual({ code: 1, signal: null });
  expect(started.stdout()).toBe('');
  expect(started.stderr()).toMatch(/^[^\n]+\n$/);
  return started.stderr();
}

const changed = (url: string, change: (url: URL) => void): string => {
  const parsed = new URL(url);
  change(parsed);
  return parsed.href;
};

describe('a start says on one line what is wrong and what to do, and ends with 1:', () => {
  // At the same time: each waits ten seconds.
  test.concurrent('a database that accepts and never answers', async () => {
    const place = await silentServer();
    const line = await refusal(`postgres://user:secret@${place}/name`);
    expect(line).toContain(`${place} does not answer within ten seconds: check that PostgreSQL runs there`);
    expect(line).not.toContain('secret');
  });

  test.concurrent('a database and a Redis of which neither answers', async () => {
    const place = await silentServer();
    const line = await refusal(`postgres://user:secret@${place}/name`, {
      REDIS_URL: `redis://${await silentServer()}`,
    });
    expect(line).toContain(`${place} does not answer within ten seconds`);
  });

  test.concurrent(
    'a server that is not PostgreSQL',
    async () => {
      const url = (await testRedisUrl()).replace(/^redis:\/\//, 'postgres://x:x@');
      expect(await refusal(url)).toMatch(/check that PostgreSQL (listens|runs) there/);
    },
    LIMIT_MS,
  );

  test('a variable whose name is almost one of the service', async () => {
    const { url } = await createDatabase();
    const line = await refusal(url, { WINDOW_CANCELATION: 'PT1H' });
    expect(line).toBe('WINDOW_CANCELATION is not a variable of the service; WINDOW_CANCELLATION is\n');
  });

  test('no Redis in production, where an embedded one would not be shared', async () => {
    const { url } = await createDatabase();
    const line = await refusal(url, { NODE_ENV: 'production', REDIS_URL: '' });
    expect(line).toContain('REDIS_URL must be set when NODE_ENV is production');
  });

  test(
    'a database that was first used in another mode',
    async () => {
      const database = await createDatabase();
      const sandbox = await startProcess({ database, role: 'api', env: { MODE: 'sandbox' } });
      expect(await sandbox.stop()).toEqual({ code: 0, signal: null });
      for (const env of [{ MODE: 'live' }, {}]) {
        expect(await refusal(database.url, env)).toMatch(/^MODE must be sandbox: .* use another database\n$/);
      }
    },
    LIMIT_MS,
  );

  test.each<[string, (url: string) => string | Promise<string>, RegExp]>([
    [
      'no server',
      async () => `postgres://x:x@127.0.0.1:${await freePort()}/x`,
      /no server listens at 127\.0\.0\.1:\d+: start PostgreSQL there, or correct DATABASE_URL/,
    ],
    [
      'no server at a host with two addresses',
      async () => `postgres://x:x@localhost:${await freePort()}/x`,
      /no server listens at localhost:\d+: start/,
    ],
    [
      'an unknown host',
      () => 'postgres://x:x@no-such-host.invalid/x',
      /no-such-host\.invalid:5432 (is not known|cannot be looked up).*correct DATABASE_URL/,
    ],
    [
      'a wrong password',
      (url) =>
        changed(url, (at) => {
          at.password = 'wrong';
        }),
      /check the user \(postgres\) and the password in DATABASE_URL/,
    ],
    [
      'no password',
      (url) =>
        changed(url, (at) => {
          at.password = '';
        }),
      /DATABASE_URL has no password for postgres/,
    ],
    [
      'no such database',
      (url) =>
        changed(url, (at) => {
          at.pathname = '/nowhere';
        }),
      /create it \(CREATE DATABASE "nowhere"\) or correct DATABASE_URL/,
    ],
    ['no TLS on the server', (url) => `${url}?sslmode=verify-full`, /DATABASE_URL asks for TLS/],
  ])(
    '%s',
    async (_what, wrong, line) => {
      const { url } = await createDatabase();
      expect(await refusal(await wrong(url))).toMatch(line);
    },
    LIMIT_MS,
  );

  test(
    'a schema of a newer build',
    async () => {
      const { url, query: ask } = await createDatabase();
      await ask(
        `INSERT INTO schema_migrations (name, checksum) VALUES ('9998_later.sql', ''), ('9999_latest.sql', '')`,
      );
      expect(await refusal(url)).toContain(
        'the database was migrated by a newer build (9998_later.sql, 9999_latest.sql): start that build or a newer one',
      );
    },
    LIMIT_MS,
  );

  test(
    'tables of another program',
    async () => {
      const url = await emptyDatabase();
      await query(url, 'CREATE TABLE orders (id int)');
      expect(await refusal(url)).toMatch(
        /0001_foundation\.sql: relation "orders" already exists, .*: give the service a database of its own/,
      );
    },
    LIMIT_MS,
  );

  test(
    'migrations of another program',
    async () => {
      const url = await emptyDatabase();
      await query(url, 'CREATE TABLE schema_migrations (version text PRIMARY KEY)');
      expect(await refusal(url)).toMatch(/schema_migrations belongs to another program: give the service a database/);
    },
    LIMIT_MS,
  );

  test(
    'a user that may not migrate',
    async () => {
      const url = await emptyDatabase();
      const role = `role_${randomUUID().replaceAll('-', '')}`;
      await administrate(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
      onCleanup(() => administrate(`DROP ROLE ${role}`));
      const line = await refusal(
        changed(url, (at) => {
          at.username = role;
          at.password = 'secret';
        }),
      );
      expect(line).toMatch(
        /permission denied for schema public.*: grant it to role_\w+, or migrate with an account that may/,
      );
    },
    LIMIT_MS,
  );

  test(
    'a database with another encoding than UTF-8',
    async () => {
      const url = await emptyDatabase(`ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
      expect(await refusal(url)).toContain('the database has the encoding LATIN1');
    },
    LIMIT_MS,
  );

  test.each([
    ['PORT', 'HOST and PORT'],
    ['OPS_PORT', 'OPS_HOST and OPS_PORT'],
  ])(
    'a %s that another process listens at',
    async (variable, names) => {
      const { url } = await createDatabase();
      const port = (await silentServer()).split(':')[1] ?? '';
      expect(await refusal(url, { [variable]: port })).toContain(
        `cannot listen at 127.0.0.1:${port} (${names}): another process listens there: stop it, or choose another port`,
      );
    },
    LIMIT_MS,
  );

  test(
    'an address that this machine does not have',
    async () => {
      const { url } = await createDatabase();
      expect(await refusal(url, { HOST: '192.0.2.1' })).toContain('this machine does not have that address');
    },
    LIMIT_MS,
  );

  test('a server older than PostgreSQL 15', () => {
    const facts = {
      version: '14.19',
      version_number: 140_019,
      encoding: 'UTF8',
      is_standby: false,
      is_read_only: false,
    };
    expect(problemOfServer(facts)).toBe('the database server is PostgreSQL 14.19: 15 or newer is needed');
    expect(problemOfServer({ ...facts, version: '15.0', version_number: 150_000 })).toBeNull();
  });
});

test(
  'a Redis that accepts and never answers does not keep the service from starting, and is named in the log',
  async () => {
    const { url } = await createDatabase();
    const env = testEnvironment(url, `redis://${await silentServer()}`);
    const started = runProgram('main.js', [], { env });
    await waitFor('it listens', () => /listens on/.test(started.stdout()), LIMIT_MS);
    expect(started.stdout()).toMatch(/"level":40.*Redis is away: its eviction policy was not checked/);
    started.child.kill('SIGTERM');
    expect(await started.exited).toEqual({ code: 0, signal: null });
  },
  LIMIT_MS,
);

test(
  'a service whose output has no reader any more serves on, and stops in order',
  async () => {
    const { url } = await createDatabase();
    const started = runProgram('main.js', [], { env: testEnvironment(url, await testRedisUrl()) });
    const address = await waitFor(
      'it listens',
      () => /listens on (http:[^\s"]+)/.exec(started.stdout())?.[1],
      LIMIT_MS,
    );
    started.child.stdout?.destroy();
    started.child.stderr?.destroy();
    for (let count = 0; count < 3; count += 1) {
      expect((await fetch(`${address}/v1/disputes`)).status).toBe(401); // with a line in the log, by LOG_LEVEL debug
    }
    started.child.kill('SIGTERM');
    expect(await once(started.child, 'exit')).toEqual([0, null]);
  },
  LIMIT_MS,
);

test(
  'a start that waits for a silent database ends with 0 when it is called off',
  async () => {
    let isWaiting = false;
    const place = await silentServer(() => {
      isWaiting = true;
    });
    const env = testEnvironment(`postgres://user:secret@${place}/name`, await testRedisUrl());
    const started = runProgram('main.js', [], { env });
    await waitFor('it waits for the database', () => isWaiting, LIMIT_MS);
    started.child.kill('SIGTERM');
    expect(await started.exited).toEqual({ code: 0, signal: null });
    expect(started.stderr()).toBe('');
  },
  LIMIT_MS,
);
