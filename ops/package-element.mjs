// Puts together what the npm package of the web component holds: the built module, its types, and the license. `npm publish ./ui`
// and `npm pack ./ui` run this first.
//   node ops/package-element.mjs [--from directory of the built module] [--to directory of its package.json]
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    from: { type: 'string' },
    to: { type: 'string', default: join(root, 'ui') },
  },
});
if (values.from === undefined) await import('./ensure-built.mjs');

const source = join(root, 'ui/src');
const target = join(values.to, 'dist');

if (!process.exitCode) {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  copyFileSync(
    join(values.from ?? join(root, 'dist/ui'), 'resolution-center.js'),
    join(target, 'resolution-center.js'),
  );
  copyFileSync(join(source, 'resolution-center.d.ts'), join(target, 'resolution-center.d.ts'));
  // It declares types alone, and so is a declaration file as it stands.
  copyFileSync(join(source, 'api-types.ts'), join(target, 'api-types.d.ts'));
  copyFileSync(join(root, 'LICENSE'), join(values.to, 'LICENSE'));
}
