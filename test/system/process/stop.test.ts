import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onCleanup } from '../../harness/cleanup.ts';
import { copyCheckout } from '../../harness/programs/checkout.ts';
import { processesOf } from '../../harness/programs/left-behind.ts';
import { CTRL_BACKSLASH, CTRL_C, openTerminal, type Terminal } from '../../harness/programs/terminal.ts';
import { LONG } from '../../harness/run/long.ts';
import { waitFor } from '../../harness/wait-for.ts';

// Every start here is one of npm, in a terminal, with servers of its own.
const LIMIT_MS = 300_000;
const NUMBER_OF_SIGQUIT = 3;

let cwd: string;
beforeAll(async () => {
  cwd = await copyCheckout();
}, LIMIT_MS);

const npmStart = (): Terminal => openTerminal('npm start', { cwd, env: { PORT: '0' } });

/** Waits until no process of the checkout is left: some may outlive the one that the terminal waits for. */
const nothingIsLeft = () =>
  waitFor('no process is left', async () => (await processesOf(cwd)).length === 0, LIMIT_MS / 2, 100);

async function processOf(command: RegExp): Promise<number> {
  const found = (await processesOf(cwd)).find((process) => command.test(process.command));
  if (found === undefined) throw new Error(`no process of the checkout is called ${command}`);
  return found.pid;
}

/** Waits until esbuild itself runs. */
const processOfBuild = () =>
  waitFor(
    'esbuild runs',
    async () => (await processesOf(cwd)).some(({ command }) => /esbuild --service/.test(command)),
    LIMIT_MS / 2,
    5,
  );

/** Where the embedded PostgreSQL writes its log, and what it writes when it ends in order. */
const postgresLog = () => readFile(join(cwd, '.data/postgres.log'), 'utf8');
const ENDED = /database system is shut down\s*$/;

describe('npm start in a terminal', () => {
  test(
    'ends with 0 on Ctrl-C, however often it is pressed within two seconds, and leaves no process behind',
    async () => {
      // Once is what most of the tests below press.
      const terminal = npmStart();
      await terminal.shows(/listens on/);
      terminal.press(CTRL_C.repeat(5));
      expect(await terminal.exited).toBe(0);
      expect(await processesOf(cwd)).toEqual([]);
      expect(await postgresLog()).toMatch(ENDED);
    },
    LIMIT_MS,
  );

  test(
    'ends at once on a Ctrl-C that comes more than two seconds after the first, and leaves no process behind',
    async () => {
      const terminal = npmStart();
      const address = await terminal.shows(/(?<=listens on )http:\S+/);
      // A request under way is waited for: one whose body never ends.
      const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked', expect: '100-continue' };
      const sending = request(`${address}/v1/orders/o-1/disputes`, { method: 'POST', headers });
      sending.on('error', () => {});
      sending.flushHeaders();
      await once(sending, 'continue');
      const pressing = setInterval(() => terminal.press(CTRL_C), 100);
      // The service ends with 1. Where one more Ctrl-C reaches npm after that and before npm's own end, npm says 130.
      expect([1, 130]).toContain(await terminal.exited.finally(() => clearInterval(pressing)));
      expect(await processesOf(cwd)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'stops in order when the terminal is closed, and when the service writes to it afterwards',
    async () => {
      const terminal = npmStart();
      await terminal.shows(/listens on/);
      terminal.hangUp();
      await nothingIsLeft();
      expect(await postgresLog()).toMatch(ENDED);
      expect(await readdir(join(cwd, '.data/users'))).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'ends at once on Ctrl-\\, and leaves no process behind',
    async () => {
      const terminal = npmStart();
      await terminal.shows(/listens on/);
      terminal.press(CTRL_BACKSLASH);
      expect(await terminal.exited).toBe(128 + NUMBER_OF_SIGQUIT); // npm's own end
      await nothingIsLeft();
      expect(await postgresLog()).toMatch(ENDED);
    },
    LIMIT_MS,
  );

  test.each([
    ['npm', /^npm start/],
    ['the service', /ops\/start\.mjs/],
  ])(
    'ends with 0 when %s alone gets SIGTERM',
    async (_who, command) => {
      const terminal = npmStart();
      await terminal.shows(/listens on/);
      process.kill(await processOf(command), 'SIGTERM');
      expect(await terminal.exited).toBe(0);
      expect(await processesOf(cwd)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'adopts the servers of a service that was killed, and stops them in the end',
    async () => {
      const killed = npmStart();
      await killed.shows(/listens on/);
      const postgres = await processOf(/bin\/postgres -D/);
      process.kill(await processOf(/ops\/start\.mjs/), 'SIGKILL');
      await killed.exited;
      expect(await processOf(/bin\/postgres -D/)).toBe(postgres);
      const next = npmStart();
      await next.shows(/listens on/);
      expect(await processOf(/bin\/postgres -D/)).toBe(postgres);
      next.press(CTRL_C);
      expect(await next.exited).toBe(0);
      expect(await processesOf(cwd)).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe('a start that Ctrl-C calls off', () => {
  const callOff = async (terminal: Terminal) => {
    terminal.press(CTRL_C);
    expect(await terminal.exited).toBe(0);
    expect(await processesOf(cwd)).toEqual([]);
    expect(terminal.screen()).not.toMatch(/could not|at .*\.[mj]s:\d+/);
  };
  /** Waits for a file that a start makes below `.data`. */
  const appears = (directory: string, name: RegExp) =>
    waitFor(
      `${directory} has ${name}`,
      async () => (await readdir(join(cwd, '.data', directory)).catch(() => [])).some((found) => name.test(found)),
      LIMIT_MS / 2,
      2,
    );

  test(
    'while initdb runs',
    async () => {
      await rm(join(cwd, '.data'), { recursive: true, force: true });
      const terminal = npmStart();
      await appears('', /^unfinished-cluster-/);
      await callOff(terminal);
      expect((await readdir(join(cwd, '.data'))).filter((name) => /^unfinished/.test(name))).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'while the servers start',
    async () => {
      const terminal = npmStart();
      await appears('', /^servers\.lock$/);
      await callOff(terminal);
    },
    LIMIT_MS,
  );

  test(
    'while the database is migrated',
    async () => {
      await rm(join(cwd, '.data'), { recursive: true, force: true });
      const terminal = npmStart();
      await appears('users', /./);
      await callOff(terminal);
    },
    LIMIT_MS,
  );

  test(
    'while it builds, and the next start works on what these left behind',
    async () => {
      await rm(join(cwd, 'dist'), { recursive: true });
      const terminal = npmStart();
      await terminal.shows(/Building/);
      await callOff(terminal);
      expect(existsSync(join(cwd, '.data/building'))).toBe(false);
      const next = npmStart();
      await next.shows(/listens on/);
      await callOff(next);
    },
    LIMIT_MS,
  );

  test(
    'by Ctrl-\\ while it builds, without a word from the tools of the build',
    async () => {
      await rm(join(cwd, 'dist'), { recursive: true });
      const terminal = npmStart();
      await terminal.shows(/Building[^\n]*\n/);
      await processOfBuild();
      terminal.press(CTRL_BACKSLASH);
      expect(await terminal.exited).toBe(128 + NUMBER_OF_SIGQUIT); // npm's own end
      await nothingIsLeft();
      expect(terminal.screen()).not.toMatch(/goroutine|could not|SIGQUIT: quit/);
      expect(existsSync(join(cwd, '.data/building'))).toBe(false);
    },
    LIMIT_MS,
  );

  // What SIGTERM does to a service that runs is shown above.
  test.each(LONG ? ['Ctrl-C', 'SIGTERM to npm'] : ['Ctrl-C'])(
    'by %s while packages are installed',
    async (how) => {
      // A registry that accepts and never answers keeps npm busy.
      const registry = createServer().listen(0, '127.0.0.1');
      await waitFor('it listens', () => registry.listening);
      onCleanup(async () => void registry.close());
      const address = registry.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      await rm(join(cwd, 'node_modules'), { force: true, recursive: true });
      const env = {
        PORT: '0',
        npm_config_registry: `http://127.0.0.1:${port}/`,
        npm_config_cache: join(cwd, '../cache'),
      };
      const isAsked = new Promise((resolve) => registry.once('connection', resolve));
      const terminal = openTerminal('npm start', { cwd, env });
      await terminal.shows(/Installing/);
      await isAsked;
      if (how === 'Ctrl-C') terminal.press(CTRL_C);
      else process.kill(await processOf(/^npm start/), 'SIGTERM');
      expect(await terminal.exited).toBe(0);
      expect(await processesOf(cwd)).toEqual([]);
      expect(existsSync(join(cwd, '.data/installing'))).toBe(false);
    },
    LIMIT_MS,
  );
});
