import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { onCleanup } from '../../harness/cleanup.ts';

const ROOT = join(import.meta.dirname, '../../..');

interface Locked {
  version: string;
  integrity?: string;
  resolved?: string;
  license?: string;
  hasInstallScript?: boolean;
  engines?: { node: string };
}
interface Lock {
  packages: Record<string, Locked>;
}
interface Manifest {
  dependencies: Record<string, string>;
}

function check(root: string): Promise<{ code: number; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, 'ops/supply-chain.mjs'), '--root', root], (error, _out, err) => {
      resolve({ code: Number(error?.code ?? 0), err });
    });
  });
}

/** A copy of what is checked, with a violation planted in it. */
async function planted(plant: (lock: Lock, manifest: Manifest) => void): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'supply-chain-'));
  onCleanup(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'docs'));
  await cp(join(ROOT, 'docs/third-party.md'), join(root, 'docs/third-party.md'));
  const [lock, manifest] = await Promise.all(
    ['package-lock.json', 'package.json'].map(async (name) => JSON.parse(await readFile(join(ROOT, name), 'utf8'))),
  );
  plant(lock, manifest);
  await writeFile(join(root, 'package-lock.json'), JSON.stringify(lock));
  await writeFile(join(root, 'package.json'), JSON.stringify(manifest));
  return root;
}

/** Changes what is locked of a package that everything needs. */
const locked = (over: Partial<Locked>) => (lock: Lock) => {
  lock.packages['node_modules/fastify'] = { ...(lock.packages['node_modules/fastify'] as Locked), ...over };
};

describe('the check of what is installed', () => {
  test('finds nothing wrong with what is committed', async () => {
    expect(await check(ROOT)).toEqual({ code: 0, err: '' });
  });

  test.each<[string, (lock: Lock, manifest: Manifest) => void, string]>([
    ['http', locked({ resolved: 'http://registry.npmjs.org/fastify.tgz' }), 'comes from http://'],
    ['another host', locked({ resolved: 'https://evil.example/fastify.tgz' }), 'comes from https://evil'],
    ['git', locked({ resolved: 'git+ssh://git@github.com/fastify/fastify.git#1' }), 'comes from git'],
    ['no integrity', locked({ integrity: '' }), 'has no sha512'],
    ['a weak integrity', locked({ integrity: 'sha1-deadbeef' }), 'has no sha512'],
    ['an install script', locked({ hasInstallScript: true }), 'runs a script that the list does not allow'],
    ['a newer Node', locked({ engines: { node: '>=22' } }), 'needs Node >=22, and 20.19.0 is promised'],
    ['newer Nodes only', locked({ engines: { node: '^22.11.0 || >=24' } }), 'needs Node ^22.11.0'],
    ['a license that binds us', locked({ license: 'AGPL-3.0' }), 'has the license AGPL-3.0'],
    ['a range', (_lock, { dependencies }) => Object.assign(dependencies, { fastify: '^5.0.0' }), 'one exact version'],
    ['a package that is not in the list', locked({ version: '5.99.0' }), 'npm run third-party'],
  ])('finds what is planted: %s', async (_what, plant, fault) => {
    const { code, err } = await check(await planted(plant));
    expect([code, err]).toEqual([1, expect.stringContaining(fault)]);
  });
});
