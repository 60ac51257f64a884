import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../src/dev/embedded/processes.ts';
import { bundle } from '../../harness/run/build.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { BenchOptions } from '../options.ts';
import { alternate, type Row } from '../row.ts';
import type { BenchStage } from '../stage.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PARTS = ['src', 'migrations', 'ops', 'openapi', 'package.json', 'package-lock.json', 'tsconfig.json'];
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

/** How long `npm start` takes until it is ready, in milliseconds. */
async function startService(checkout: string): Promise<number> {
  const port = await freePort();
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', PORT: String(port) };
  const begun = performance.now();
  const child = spawn('npm', ['start'], { cwd: checkout, env, stdio: 'ignore' });
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

/** How long its two servers take alone, started as it starts them. */
async function startServers(checkout: string): Promise<number> {
  const script = `
    const { startEmbedded } = await import('./alone/dev/embedded/servers.js');
    const servers = await startEmbedded({ needPostgres: true, needRedis: true, dataDir: '.data', say: () => {} });
    process.stdout.write('ready');
    process.once('SIGTERM', () => servers.stop().then(() => process.exit(0)));
    setInterval(() => {}, 1_000);`;
  const begun = performance.now();
  const args = ['--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { cwd: checkout, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const ms = performance.now() - begun;
  await end(child);
  return ms;
}

/** `npm start` in an installed checkout that has run before, beside its servers alone. */
export async function measureStart({ home }: BenchStage, { rounds }: BenchOptions): Promise<Row[]> {
  const checkout = await makeCheckout(home);
  await bundle(join(checkout, 'alone'), 'src/dev/embedded/servers.ts');
  await startService(checkout);
  const measured = await alternate(
    rounds,
    () => startService(checkout),
    () => startServers(checkout),
  );
  return [
    {
      name: 'start',
      what: '`npm start` until ready, installed, second run',
      against: 'starting its two servers alone',
      reach: { atMost: 1.5 },
      unit: 'ms',
      ...measured,
    },
  ];
}
