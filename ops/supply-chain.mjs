// Checks what package-lock.json brings into the house, and keeps the list of third parties in docs/third-party.md.
//   node ops/supply-chain.mjs [--write] [--root directory]
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    root: { type: 'string', default: join(import.meta.dirname, '..') },
  },
});

const LICENSES = ['0BSD', 'Unlicense', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'];
const REGISTRY = /^https:\/\/registry\.npmjs\.org\//;
const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/;
const LIST = join(values.root, 'docs/third-party.md');

const read = (path) => JSON.parse(readFileSync(join(values.root, path), 'utf8'));
const manifest = read('package.json');
const packages = Object.entries(read('package-lock.json').packages).filter(([path]) => path !== '');
const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** What is only for other platforms and optional is in the lock by name and version alone, so that npm ci accepts it. */
const isForOtherPlatforms = ({ optional, integrity }) => optional === true && integrity === undefined;

const OLDEST_NODE = 20;

/**
 * Whether `npm ci` on the oldest promised Node would warn (EBADENGINE). A package that names a newer one and runs on it all the same,
 * as tests show, has its `engines` taken out of the lock: js-redis-server and lua-redis-wasm.
 */
const asksForNewerNode = ({ engines }) =>
  (engines?.node ?? '*').split('||').every((range) => {
    const [, operator, major] = /^\s*([\^>=~]*)\s*v?(\d+)/.exec(range) ?? [undefined, '', '0'];
    return /^(\^|~|=|)$/.test(operator) ? Number(major) !== OLDEST_NODE && major !== '0' : Number(major) > OLDEST_NODE;
  });

function faultsOfPackage([path, locked]) {
  const { version, resolved, integrity, hasInstallScript, link } = locked;
  return [
    link === true && 'is a link',
    !EXACT.test(version ?? '') && `has the version ${version}`,
    resolved !== undefined && !REGISTRY.test(resolved) && `comes from ${resolved}`,
    !isForOtherPlatforms(locked) && !INTEGRITY.test(integrity ?? '') && 'has no sha512 of its content',
    asksForNewerNode(locked) && `asks for Node ${locked.engines.node}; ours begins with ${manifest.engines.node}`,
    hasInstallScript === true &&
      !(nameOf(path) in (manifest.allowScripts ?? {})) &&
      'runs a script that nobody allowed',
  ]
    .filter(Boolean)
    .map((fault) => `${path} ${fault}`);
}

function faultsOfManifest() {
  const wanted = { ...manifest.dependencies, ...manifest.devDependencies };
  return Object.entries(wanted)
    .filter(([, version]) => !EXACT.test(version))
    .map(([name, version]) => `package.json wants ${name} ${version}, which is not one exact version`);
}

/** What runs in production: everything that is not for development alone. */
const shipped = packages
  .filter(([, locked]) => locked.dev !== true && locked.devOptional !== true && !isForOtherPlatforms(locked))
  .map(([path, { version, license }]) => ({ name: nameOf(path), version, license: license ?? licenseIn(path) }))
  .sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));

function licenseIn(path) {
  try {
    return read(join(path, 'package.json')).license ?? 'none';
  } catch {
    return 'none';
  }
}

function faultsOfLicenses() {
  return shipped
    .filter(({ license }) => !LICENSES.includes(license))
    .map(({ name, license }) => `${name} has the license ${license}`);
}

function thirdParties() {
  const rows = shipped.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`);
  const head = ['| package | version | license |', '|---|---|---|'];
  const text =
    'Packages that run in production, made from package-lock.json by `npm run third-party`. Each brings its license.';
  return `# Third parties\n\n${text}\n\n${[...head, ...new Set(rows)].join('\n')}\n`;
}

function listIsCurrent() {
  try {
    return readFileSync(LIST, 'utf8') === thirdParties();
  } catch {
    return false;
  }
}

if (values.write) writeFileSync(LIST, thirdParties());
const faults = [...packages.flatMap(faultsOfPackage), ...faultsOfManifest(), ...faultsOfLicenses()];
if (!listIsCurrent()) faults.push('docs/third-party.md is not what the lock says: npm run third-party');
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.stdout.write(
  `${packages.length} packages locked, ${shipped.length} of them for production, ${faults.length} faults\n`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
