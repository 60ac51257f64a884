import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTANTS, type Mutant } from './mutants.ts';

// npm run test:mutants [-- --only "part of a name"]

const ROOT = join(import.meta.dirname, '../..');
const PARTS = [
  'src',
  'test',
  'migrations',
  'openapi',
  'ops',
  'package.json',
  'package-lock.json',
  'jest.config.js',
  'tsconfig.json',
  'README.md',
];
const JEST = ['--disable-warning=ExperimentalWarning', '--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
const TIME_LIMIT_MS = 180_000;

function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'resolution-center-mutant-'));
  for (const part of PARTS) cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

interface Verdict {
  readonly killed: boolean;
  /** The first test that noticed. */
  readonly by: string;
}

/** Runs the tests in the copy with the mutant in place, and takes it out again. */
function judge(copy: string, { file, find, replace, killedBy }: Mutant): Verdict {
  const path = join(copy, file);
  const original = readFileSync(path, 'utf8');
  if (original.split(find).length !== 2) throw new Error(`${file} does not have this exactly once: ${find}`);
  writeFileSync(
    path,
    original.replace(find, () => replace),
  );
  try {
    // To the first failure: it is enough, and what comes after it may hang.
    const { status, stderr } = spawnSync(process.execPath, [...JEST, ...killedBy, '--bail', '--forceExit'], {
      cwd: copy,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: TIME_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    return { killed: status !== 0, by: /^ {2}● (?!Console)(.+)$/m.exec(stderr)?.[1] ?? 'the suite does not run' };
  } finally {
    writeFileSync(path, original);
  }
}

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const chosen = MUTANTS.filter(({ name }) => name.includes(values.only));
const copy = copyTree();
let survivors = 0;
console.log('| mutant | killed by |\n|---|---|');
for (const mutant of chosen) {
  const { killed, by } = judge(copy, mutant);
  if (!killed) survivors += 1;
  console.log(`| ${mutant.name} | ${killed ? by : 'SURVIVES'} |`);
}
rmSync(copy, { recursive: true, force: true });
console.log(`\n${chosen.length - survivors} of ${chosen.length} mutants killed`);
process.exit(survivors > 0 ? 1 : 0);
