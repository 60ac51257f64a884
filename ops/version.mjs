// Holds the files that repeat the version to package.json, which has it.
//   node ops/version.mjs           names each file that has another one
//   node ops/version.mjs --write   writes it there; `npm version` runs this
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const replaceIn = (line, known) => line.replace(known, version);
// A new version starts a new part of the changelog, above the last one.
const startPart = (line) => `## [${version}] - unreleased\n\n${line}`;

/** Each pattern's only group is the version. */
const COPIES = [
  { file: 'package-lock.json', pattern: /^ {2}"version": "([^"]+)",$/m, update: replaceIn },
  { file: 'ui/package.json', pattern: /^ {2}"version": "([^"]+)",$/m, update: replaceIn },
  { file: 'Dockerfile', pattern: /^LABEL org\.opencontainers\.image\.version="([^"]+)"$/m, update: replaceIn },
  { file: 'ops/kubernetes/kustomization.yaml', pattern: /^ {4}newTag: (\S+)$/m, update: replaceIn },
  { file: 'CHANGELOG.md', pattern: /^## \[(\d[^\]]*)\]/m, update: startPart },
];

const isWriting = process.argv.includes('--write');

for (const { file, pattern, update } of COPIES) {
  const path = join(root, file);
  const text = readFileSync(path, 'utf8');
  const [, known] = pattern.exec(text) ?? [];
  if (known === version) continue;
  if (isWriting && known !== undefined) {
    writeFileSync(path, text.replace(pattern, update));
    continue;
  }
  process.stderr.write(`${file} has version ${known ?? 'none'}, and package.json has ${version}\n`);
  process.exitCode = 1;
}
