import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { onCleanup } from '../harness/cleanup.ts';
import { serviceDirectory } from '../harness/run/servers.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
  target: 'es2022',
  lib: ['es2022', 'dom'],
  types: [],
};

/** All that a page may use. Each line with `@ts-expect-error` must be refused. */
const PAGE = `
import 'resolution-center-element';
import { type ChangeDetail, type Dispute, type ErrorDetail, type GetToken, ResolutionCenterElement } from 'resolution-center-element';

const getToken: GetToken = async ({ fresh }) => (fresh ? 'a new token' : 'a token');
const element: ResolutionCenterElement = document.createElement('resolution-center');
element.orderId = 'order-1001';
element.api = 'https://disputes.example.com';
element.locale = null;
element.getToken = getToken;
element.getToken = () => 'a token';
element.addEventListener('rc-change', ({ detail }) => {
  const { orderStatus, dispute }: ChangeDetail = detail;
  const open: Dispute | null = dispute;
  console.log(orderStatus.length, open?.respondBy.length);
});
document.addEventListener('rc-error', ({ detail }) => {
  const { code, status }: ErrorDetail = detail;
  console.log(code.length, status?.toFixed());
});
const done: Promise<void> | undefined = document.querySelector('resolution-center')?.refresh();
console.log(done, element instanceof ResolutionCenterElement);

// @ts-expect-error an order id is a text
element.orderId = 1001;
// @ts-expect-error a token is a text
element.getToken = async () => 42;
// @ts-expect-error what is shown cannot be changed by a listener
element.addEventListener('rc-change', ({ detail }) => { detail.orderStatus = 'completed'; });
// @ts-expect-error there is no such property
element.token = 'a token';
`;

interface Packed {
  readonly filename: string;
  readonly version: string;
  readonly files: readonly { readonly path: string }[];
}

describe('the npm package of the web component', () => {
  let home: string;
  let packed: Packed;
  let installed: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'resolution-center-package-'));
    onCleanup(() => rm(home, { recursive: true, force: true }));
    const ui = join(home, 'ui');
    await mkdir(ui);
    for (const name of ['package.json', 'README.md']) await cp(join(ROOT, 'ui', name), join(ui, name));
    const { scripts } = JSON.parse(await readFile(join(ui, 'package.json'), 'utf8')) as {
      scripts: { prepack: string };
    };
    const [, script = ''] = scripts.prepack.split(' ');
    const from = join(serviceDirectory(), 'dist/ui');
    await run(process.execPath, [join(ROOT, 'ui', script), '--from', from, '--to', ui]);
    const { stdout } = await run('npm', ['pack', ui, '--ignore-scripts', '--json', '--pack-destination', home], {
      cwd: home,
    });
    [packed] = JSON.parse(stdout) as [Packed];
    installed = join(home, 'page/node_modules/resolution-center-element');
    await mkdir(installed, { recursive: true });
    await run('tar', ['-xzf', join(home, packed.filename), '-C', installed, '--strip-components', '1']);
  });

  test('holds the module, its types, the license and a README, and has the version of the service', async () => {
    expect(packed.files.map(({ path }) => path).sort()).toEqual([
      'LICENSE',
      'README.md',
      'dist/api-types.d.ts',
      'dist/resolution-center.d.ts',
      'dist/resolution-center.js',
      'package.json',
    ]);
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(packed.version).toBe(version);
    const read = (path: string) => readFile(path, 'utf8');
    const served = join(serviceDirectory(), 'dist/ui/resolution-center.js');
    expect(await read(join(installed, 'dist/resolution-center.js'))).toBe(await read(served));
  });

  test.each(['nodenext', 'bundler'])(
    'has types for a strict page, by the resolution of %s',
    async (moduleResolution) => {
      const page = join(home, 'page');
      const module = moduleResolution === 'bundler' ? 'esnext' : moduleResolution;
      const compilerOptions = { ...STRICT, module, moduleResolution };
      await writeFile(join(page, 'package.json'), JSON.stringify({ type: 'module' }));
      await writeFile(join(page, 'page.ts'), PAGE);
      await writeFile(join(page, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['page.ts'] }));
      const { stdout } = await run(process.execPath, [TSC, '-p', page]).catch((error: { stdout: string }) => error);
      expect(stdout).toBe('');
    },
  );
});
