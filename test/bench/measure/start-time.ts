import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../src/dev/embedded/processes.ts';
import { bundle } from '../../harness/run/build.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { BenchOptions } from '../options.ts';
import { alternate, type Row } from '../row.ts';
import type { BenchStage } from '../stage.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PARTS = ['src', 'ui', 'migrations', 'ops', 'openapi', 'package.json', 'package-lock.json', 'tsconfig.json'];
const LONGEST_MS = 120_000;

/** A checkout with everything installed, and without data. */
async function makeCheckout(home: string): Promise<string> {
  const checkout = join(home, 'checkout');
  await mkdir(checkout);
  for (const part of PARTS) await cp(join(ROOT, part), join(checkout, part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
  return checkout;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  // What it has started ends after it.
  await sleep(2_000);
}

/** The least that such a start can be: npm starts a program, which starts both servers and then serves an empty Fastify. */
async function makeEmptyService(checkout: string): Promise<string> {
  await bundle(join(checkout, 'alone'), 'src/dev/embedded/servers.ts');
  const empty = join(checkout, 'empty');
  await mkdir(empty);
  await writeFile(
    join(empty, 'package.json'),
    JSON.stringify({ type: 'module', scripts: { start: 'exec node start.mjs' } }),
  );
  await writeFile(
    join(empty, 'start.mjs'),
    `import { fastify } from 'fastify';
    import { startEmbedded } from '../alone/dev/embedded/servers.js';
    const servers = await startEmbedded({ needPostgres: true, needRedis: true, dataDir: '../.data', say: () => {} });
    const app = fastify();
    app.get('/readyz', async () => 'ready');
    await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
    process.once('SIGTERM', () => Promise.all([app.close(), servers.stop()]).then(() => process.exit(0)));`,
  );
  return empty;
}

/** How long `npm start` in the folder takes until it is ready, in milliseconds. */
async function start(folder: string): Promise<number> {
  const port = await freePort();
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', PORT: String(port) };
  const begun = performance.now();
  const child = spawn('npm', ['start'], { cwd: folder, env, stdio: 'ignore' });
  const isReady = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await waitFor('it is ready', isReady, LONGEST_MS);
  const ms = performance.now() - begun;
  await end(child);
  return ms;
}

/** `npm start` in an installed checkout that has run before, beside an empty service with the same servers. */
export async function measureStart({ home }: BenchStage, { rounds }: BenchOptions): Promise<Row[]> {
  const checkout = await makeCheckout(home);
  const empty = await makeEmptyService(checkout);
  await start(checkout);
  const measured = await alternate(
    rounds,
    () => start(checkout),
    () => start(empty),
  );
  return [
    {
      name: 'start',
      what: '`npm start` until ready, installed, second run',
      against: '`npm start` of an empty Fastify with the same two servers',
      reach: { atMost: 1.3 },
      unit: 'ms',
      ...measured,
    },
  ];
}
