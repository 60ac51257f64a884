import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onCleanup } from '../harness/cleanup.ts';
import { serviceDirectory } from '../harness/run/servers.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

/** The last stage of the Dockerfile. */
export interface Stage {
  /** What it copies from the build and from the checkout, by name. */
  readonly copied: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  readonly user: string;
}

const wordsOf = (text = '[]') => JSON.parse(text) as string[];

/** Reads the last stage of the Dockerfile. */
export async function readStage(): Promise<Stage> {
  const text = (await readFile(join(ROOT, 'Dockerfile'), 'utf8')).replaceAll('\\\n', '');
  const stage = text.slice(text.lastIndexOf('\nFROM '));
  const copied = [...stage.matchAll(/^COPY (?:--from=build \/app\/)?(\S+) /gm)].map(([, name = '']) => name);
  const pairs = /^ENV (.*)$/m.exec(stage)?.[1]?.split(' ') ?? [];
  return {
    copied,
    env: Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string])),
    command: wordsOf(/^CMD (.*)$/m.exec(stage)?.[1]),
    healthCheck: wordsOf(/^HEALTHCHECK .*?CMD (.*)$/m.exec(stage)?.[1]),
    user: /^USER (\S+)$/m.exec(stage)?.[1] ?? 'root',
  };
}

interface Locked {
  readonly dev?: true;
  readonly devOptional?: true;
}

/** The packages that `npm prune --omit=dev` leaves, by their paths below the checkout; nested ones come with their parents. */
async function productionPackages(): Promise<string[]> {
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const paths = Object.keys(packages).filter((path) => path.lastIndexOf('node_modules/') === 0);
  // Optional packages of other platforms are in the lock and not on the disk.
  return paths.filter((path) => !packages[path]?.dev && !packages[path]?.devOptional && existsSync(join(ROOT, path)));
}

/** Makes a directory that holds what the Dockerfile copies into the image, with the build of this run. */
export async function makeImage({ copied }: Stage): Promise<string> {
  const app = await mkdtemp(join(tmpdir(), 'image-'));
  onCleanup(() => rm(app, { recursive: true, force: true }));
  await chmod(app, 0o755);
  for (const name of copied.filter((one) => one !== 'node_modules')) {
    await cp(join(serviceDirectory(), name), join(app, name), { recursive: true });
  }
  await run('cp', ['-a', '--parents', '-t', app, ...(await productionPackages())], { cwd: ROOT });
  return app;
}
