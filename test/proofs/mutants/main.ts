import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyTo, mutate } from './apply.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../../..');
const COPIED = [
  'src',
  'test',
  'ui',
  'migrations',
  'openapi',
  'ops',
  'examples',
  'package.json',
  'vitest.config.ts',
  'tsconfig.json',
  'README.md',
];
const TIME_LIMIT_MS = 180_000;
const LAST_WORDS_MS = 15_000;
const CHECK_LIMIT_MS = 900_000;
const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--bail=1'];

type Verdict = 'killed' | 'killed by the clock' | 'SURVIVED' | 'NOT RUN';

/** Runs tests in a tree; the text is all that they wrote. */
function runTests(root: string, files: readonly string[], named?: string, limitMs = TIME_LIMIT_MS) {
  const args = [...VITEST, ...files, ...(named === undefined ? [] : ['-t', named])];
  // More interleavings than in the suite: here a mistake has to show, whatever the luck.
  const env = { ...process.env, RACES: process.env['RACES'] ?? '30', NODE_ENV: 'test', NO_COLOR: '1' };
  return new Promise<{ code: number | null; text: string; timedOut: boolean }>((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      // With some mistakes nothing comes to an end any more, not even by being told so.
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), LAST_WORDS_MS).unref();
    }, limitMs);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve({ code, text: Buffer.concat(chunks).toString('utf8'), timedOut });
    });
  });
}

const firstFailure = (text: string): string => /FAIL {2}(.+)/.exec(text)?.[1] ?? '';

async function judge(root: string, mutant: Mutant): Promise<{ verdict: Verdict; by: string }> {
  const undo = await applyTo(root, mutant);
  try {
    const { code, text, timedOut } = await runTests(root, mutant.killedBy, mutant.named);
    if (timedOut) return { verdict: 'killed by the clock', by: mutant.killedBy.join(' ') };
    if (code === 0 && !/Tests\s+.*\d+ passed/.test(text))
      return { verdict: 'NOT RUN', by: `no test is named "${mutant.named}"` };
    if (code === 0) return { verdict: 'SURVIVED', by: '' };
    // A tree that does not even load says nothing about the tests.
    if (!/Tests\s+\d+ failed/.test(text))
      return { verdict: 'NOT RUN', by: text.trim().split('\n').slice(-15).join('\n') };
    return { verdict: 'killed', by: firstFailure(text) };
  } finally {
    await undo();
  }
}

async function copyTree(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'resolution-center-mutants-'));
  for (const name of COPIED) await cp(join(ROOT, name), join(root, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return root;
}

/**
 * Checks that each mutant can still be made: its texts occur once, its tests exist, its name is its own.
 * @returns one line for each fault
 */
async function findStale(): Promise<string[]> {
  const names = new Set<string>();
  const faults: string[] = [];
  for (const mutant of MUTANTS) {
    if (names.has(mutant.name)) faults.push(`two mutants are named "${mutant.name}"`);
    names.add(mutant.name);
    const source = await readFile(join(ROOT, mutant.file), 'utf8').catch(() => '');
    try {
      mutate(source, mutant);
    } catch (error) {
      faults.push((error as Error).message);
    }
    if (mutant.killedBy.length === 0) faults.push(`"${mutant.name}" names no test`);
    for (const file of mutant.killedBy) {
      if (!existsSync(join(ROOT, file))) faults.push(`"${mutant.name}" names ${file}, which does not exist`);
    }
  }
  return faults;
}

/** The tests have to pass on the tree as it is, or nothing that they say of a mutant means anything. */
async function checkTests(root: string, mutants: readonly Mutant[]): Promise<void> {
  const files = [...new Set(mutants.flatMap(({ killedBy }) => killedBy))];
  const { code, text } = await runTests(root, files, undefined, CHECK_LIMIT_MS);
  if (code !== 0) throw new Error(`the tests fail without any mutant: ${firstFailure(text)}\n${text.slice(-3_000)}`);
}

// Names of mutants, or parts of them, to make only those.
const wanted = process.argv.slice(2);
if (wanted.some((part) => part.startsWith('-'))) {
  process.stderr.write('npm run test:mutants -- [parts of the names of mutants: only these]\n');
  process.exit(2);
}
const stale = await findStale();
for (const fault of stale) process.stderr.write(`${fault}\n`);
if (stale.length > 0) process.exit(1);

const mutants = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
if (mutants.length === 0) {
  process.stderr.write(`no mutant is named like ${wanted.join(', ')}\n`);
  process.exit(1);
}
const root = await copyTree();
let survivors = 0;
try {
  await checkTests(root, mutants);
  for (const mutant of mutants) {
    const { verdict, by } = await judge(root, mutant);
    if (verdict === 'SURVIVED' || verdict === 'NOT RUN') survivors += 1;
    process.stdout.write(`${verdict.padEnd(20)} ${mutant.name}${by === '' ? '' : `\n${' '.repeat(21)}${by}`}\n`);
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
process.stdout.write(`\n${mutants.length} mutants, ${survivors} not killed\n`);
process.exit(survivors === 0 ? 0 : 1);
