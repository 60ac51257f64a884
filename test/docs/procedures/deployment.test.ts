import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { LONG } from '../../harness/run/long.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type Receiver, startReceiver } from '../../webhooks/receiver.ts';
import { type Host, makeHome, makeHost, missingPrograms } from './deployment.ts';
import { type Load, startLoad } from './load.ts';
import { blocksOf, type Shell } from './shell.ts';

const missing = await missingPrograms();
const LACKING = missing.length === 0 ? '' : ` (skipped: this machine has no ${missing.join(', ')})`;

/** The receiver is on this machine, and the callers are few. */
const OF_THE_TEST = 'NODE_ENV=test\nWEBHOOK_ALLOW_INSECURE=true\nRATE_LIMIT_PER_MINUTE=0\nREMINDERS=none\n';
const WRONG_PASSWORD = /28P01|28000|WRONGPASS|NOAUTH/;
/** Longer than the first pause after an attempt that failed, and than the claim of one that a worker did not finish. */
const DELIVERED_MS = 120_000;
const PROCESSES = ['api-1', 'api-2', 'worker-1'];
const MANAGER = { sub: 'an-operator', scope: 'webhooks:manage' };

describe.skipIf(missing.length > 0)(`the procedures of docs/operate, one after the other${LACKING}`, () => {
  let host: Host;
  let load: Load;
  let receiver: Receiver;
  let endpoint: string;

  const settings = () => join(host.home, 'config/common.env');
  const settingOf = async (name: string) =>
    new RegExp(`^${name}=(.*)$`, 'm').exec(await readFile(settings(), 'utf8'))?.[1] ?? '';
  const runBlocks = async (page: string, heading: string, shell = host.shell) => {
    const all = blocksOf(page).filter((block) => block.heading === heading);
    expect([page, heading, all.length > 0]).toEqual([page, heading, true]);
    const printed: string[] = [];
    for (const { code } of all) printed.push(await shell.run(host.here(code)));
    return printed;
  };
  const begin = async (shell: Shell) => {
    await shell.run(`ENDPOINT=${endpoint}`);
    await runBlocks('README.md', 'In each shell', shell);
    await runBlocks('rotate-secrets.md', 'Rotate secrets', shell);
    return shell;
  };
  const pidOf = async (name: string) => (await readFile(join(host.home, `units/${name}.pid`), 'utf8')).trim();
  /** Runs what fails, in a shell that goes on after errors. Returns which processes it has restarted. */
  const restartedBy = async (shell: Shell, code: string, error: string) => {
    const before = await Promise.all(PROCESSES.map(pidOf));
    await expect(shell.run(host.here(code))).rejects.toThrow(error);
    const after = await Promise.all(PROCESSES.map(pidOf));
    return PROCESSES.filter((_name, index) => before[index] !== after[index]);
  };
  const query = async (text: string) => {
    const client = new pg.Client({ connectionString: host.database });
    await client.connect();
    try {
      return (await client.query<{ count: number }>(text)).rows;
    } finally {
      await client.end();
    }
  };

  beforeAll(async () => {
    host = await makeHost(await makeHome());
    for (const { heading, code } of blocksOf('first-deployment.md')) {
      if (heading === 'Make the tables') await appendFile(settings(), OF_THE_TEST);
      await host.shell.run(host.here(code));
    }
    load = startLoad([host.at(3001), host.at(3002)], await settingOf('AUTH_SECRET'));
    receiver = await startReceiver();
    const added = await load.call(MANAGER, 'POST', '/v1/webhook-endpoints', { url: receiver.url });
    receiver.secrets.push(added.body.secret);
    endpoint = added.body.id;
    await begin(host.shell);
  });

  test('after the first deployment an order can be reported and shown', async () => {
    expect(await host.shell.run('ops order show first-order')).toContain('in_progress');
  });

  test.runIf(LONG)('the secret of tokens is rotated', async () => {
    const [first, drop] = blocksOf('rotate-secrets.md').filter(({ heading }) => heading === 'Token secret');
    const before = await settingOf('AUTH_SECRET');
    await host.shell.run(host.here(first?.code ?? ''));
    load.signWith(await settingOf('AUTH_SECRET'));
    await host.shell.run(host.here(drop?.code ?? ''));
    const late = startLoad([host.at(3001)], before);
    await late.call({ sub: 'client-0' }, 'GET', '/v1/disputes');
    await late.stop();
    expect(late.failures[0]).toContain('401');
  });

  test.runIf(LONG)('the key that encrypts secrets of webhook endpoints is rotated', async () => {
    const before = await settingOf('WEBHOOK_ENCRYPTION_KEY');
    const [printed] = await runBlocks('rotate-secrets.md', 'Webhook encryption key');
    expect(printed).toMatch(/endpoints encrypted by the first key +1/);
    const after = await settingOf('WEBHOOK_ENCRYPTION_KEY');
    expect(after).toHaveLength(before.length);
    expect(after).not.toBe(before);
  });

  test('the secret of an endpoint is rotated', async () => {
    const [printed = ''] = await runBlocks('rotate-secrets.md', 'Secret of a webhook endpoint');
    receiver.secrets.push(JSON.parse(printed).secret);
    // What was claimed before is signed by the old one alone.
    const isUnderWay = `claim IS NOT NULL AND last_attempt_at < '${new Date().toISOString()}'`;
    await waitFor(
      'every message under way is signed by both',
      async () => {
        const [{ count } = {}] = await query(
          `SELECT count(*)::integer AS count FROM webhook_deliveries WHERE ${isUnderWay}`,
        );
        return count === 0;
      },
      DELIVERED_MS,
    );
    receiver.secrets.shift();
  });

  test.runIf(LONG)('the password of the database is rotated', async () => {
    await runBlocks('rotate-secrets.md', 'Database password');
    expect(await settingOf('DATABASE_URL')).toContain('//resolution_center_app_2:');
    const logins = await query(
      `SELECT count(*)::integer AS count FROM pg_authid WHERE rolname = 'resolution_center_app' AND rolpassword IS NOT NULL`,
    );
    expect(logins).toEqual([{ count: 0 }]);
  });

  test.runIf(LONG)('the password of Redis is rotated', async () => {
    const before = await settingOf('REDIS_URL');
    await runBlocks('rotate-secrets.md', 'Redis password');
    expect(await host.shell.run(`redis-cli -u '${before}' ping 2>&1 || true`)).toContain('NOAUTH');
    expect(await host.shell.run(`redis-cli -u '${await settingOf('REDIS_URL')}' ping`)).toBe('PONG\n');
  });

  test.runIf(LONG)('the password of operators is set', async () => {
    await runBlocks('rotate-secrets.md', "Operators' password");
    const credentials = `operator:${await settingOf('OPS_PASSWORD')}`;
    const board = await fetch(`${host.at(9001)}/ops/queues`, {
      headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    });
    expect(board.status).toBe(200);
  });

  test.runIf(LONG)(
    'an upgrade and the way back, as a user who owns no file of it: each process runs the release that is to run',
    async () => {
      const checkout = join(host.home, 'checkout');
      const releases = async () =>
        await Promise.all(
          [3001, 3002, 3101].map(async (port) => {
            const health = (await (await fetch(`${host.at(port)}/healthz`)).json()) as { version: string };
            return health.version;
          }),
        );
      const [release = ''] = await releases();
      for (const name of await readdir(join(checkout, 'dist'), { recursive: true })) {
        if (!name.endsWith('.js')) continue;
        const file = join(checkout, 'dist', name);
        await writeFile(file, (await readFile(file, 'utf8')).replaceAll(`"${release}"`, '"99.0.0"'));
      }
      await writeFile(join(checkout, 'migrations/9999_of_the_test.sql'), 'CREATE TABLE of_the_next_release ();\n');
      await runBlocks('upgrade.md', 'Upgrade');
      expect(await query(`SELECT count(*)::integer AS count FROM of_the_next_release`)).toEqual([{ count: 0 }]);
      expect(await releases()).toEqual(['99.0.0', '99.0.0', '99.0.0']);
      await runBlocks('upgrade.md', 'Back to the release before');
      expect(await releases()).toEqual([release, release, release]);
    },
  );

  test('meanwhile no request has failed, and every event has been delivered', async () => {
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.answered()).toBeGreaterThan(10);
    // Callers send again what is 503, so a password that a process does not know any more would only show here.
    for (const name of PROCESSES) {
      const log = await readFile(join(host.home, `units/${name}.log`), 'utf8');
      expect([name, log.split('\n').filter((line) => WRONG_PASSWORD.test(line))]).toEqual([name, []]);
    }
    await waitFor(
      'all is delivered',
      async () => {
        const open = await query(
          `SELECT count(*)::integer AS count FROM webhook_deliveries WHERE status NOT IN ('delivered')`,
        );
        const [{ count: events = 0 } = {}] = await query('SELECT count(*)::integer AS count FROM log_entries');
        return open[0]?.count === 0 && receiver.applied.length >= events;
      },
      DELIVERED_MS,
    );
    expect(receiver.refused).toEqual([]);
  });

  test('a procedure without the variables that it needs changes nothing', async () => {
    const [{ code = '' } = {}] = blocksOf('rotate-secrets.md').filter(({ heading }) => heading === 'Database password');
    const before = await readFile(settings(), 'utf8');
    const shell = await begin(host.readersShell('DATABASE_ADMIN', 'DATABASE'));
    expect(await restartedBy(shell, code, 'DATABASE_ADMIN')).toEqual([]);
    expect(await readFile(settings(), 'utf8')).toBe(before);
  });

  test('a login that the database refuses is seen before any process is restarted', async () => {
    const shell = await begin(host.readersShell());
    const code = 'keep; set_to DATABASE_URL "postgres://resolution_center_app:wrong@$DATABASE"; roll';
    expect(await restartedBy(shell, code, 'password authentication failed')).toEqual([]);
    await host.shell.run('cp "$CONFIG/common.before" "$CONFIG/common.env"');
  });

  test('a wrong value stops at the first process: the others serve on, and what was before comes back', async () => {
    const shell = await begin(host.readersShell());
    const code = `keep; set_to REDIS_URL "$(value_of REDIS_URL | sed 's|:[^:]*@|:wrong@|')"; roll`;
    expect(await restartedBy(shell, code, 'stopped at api-1')).toEqual(['api-1']);
    const states = async () =>
      await Promise.all(
        [9001, 9002, 9101].map(async (port) => {
          const ready = (await (await fetch(`${host.at(port)}/readyz`)).json()) as { redis: string };
          return ready.redis;
        }),
      );
    expect(await states()).toEqual(['refusing', 'up', 'up']);
    await host.shell.run('undo');
    expect(await states()).toEqual(['up', 'up', 'up']);
  });
});
