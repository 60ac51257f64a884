// Checks what package-lock.json brings into the house, and keeps the list of third parties in docs/third-party.md.
// `--write` also takes from the lock what npm warns about without a reason (DECLARE_TOO_MUCH).
//   node ops/supply-chain.mjs [--write] [--root directory]
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import semver from 'semver';

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

/**
 * Packages that declare a newer Node than they need, and have no older release: `.ci/run` runs the tests on them with the
 * promised Node. Their lock entries have no `engines`, or each `npm ci` would print EBADENGINE.
 */
const DECLARE_TOO_MUCH = ['js-redis-server', 'lua-redis-wasm'];

const read = (path) => JSON.parse(readFileSync(join(values.root, path), 'utf8'));
const manifest = read('package.json');
const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
const lock = read('package-lock.json');
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
const promisedNode = semver.minVersion(manifest.engines.node);

function writeLock() {
  for (const [path, locked] of packages) if (DECLARE_TOO_MUCH.includes(nameOf(path))) delete locked.engines;
  writeFileSync(join(values.root, 'package-lock.json'), `${JSON.stringify(lock, null, 2)}\n`);
}

/** What is only for other platforms and optional is in the lock by name and version alone, so that npm ci accepts it. */
const isForOtherPlatforms = ({ optional, integrity }) => optional === true && integrity === undefined;

function faultsOfPackage([path, locked]) {
  const { version, resolved, integrity, hasInstallScript, link, engines } = locked;
  return [
    link === true && 'is a link',
    !EXACT.test(version ?? '') && `has the version ${version}`,
    resolved !== undefined && !REGISTRY.test(resolved) && `comes from ${resolved}`,
    !semver.satisfies(promisedNode, engines?.node ?? '*') &&
      `needs Node ${engines.node}, and ${promisedNode} is promised`,
    !isForOtherPlatforms(locked) && !INTEGRITY.test(integrity ?? '') && 'has no sha512 of its content',
    hasInstallScript === true &&
      !(nameOf(path) in (manifest.allowScripts ?? {})) &&
      'runs a script that the list does not allow',
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

if (values.write) {
  writeLock();
  writeFileSync(LIST, thirdParties());
}
const faults = [...packages.flatMap(faultsOfPackage), ...faultsOfManifest(), ...faultsOfLicenses()];
if (!listIsCurrent()) faults.push('docs/third-party.md is not what the lock says: npm run third-party');
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.stdout.write(
  `${packages.length} packages locked, ${shipped.length} of them for production, ${faults.length} faults\n`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
