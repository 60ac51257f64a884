import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { onCleanup } from '../../harness/cleanup.ts';
import { type Running, runCommand } from '../../harness/process.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
/** What the newest of the tools ask for. The package `node-linux-…` brings one; elsewhere the command needs it. */
const NODE_FOR_TOOLS = { major: 24, minor: 18 };

/** The tools, installed in a directory of their own beside the document and the sources that use them. */
export interface Toolbox {
  readonly directory: string;
  /** The version of an installed package. */
  readonly versionOf: (name: string) => Promise<string>;
  /**
   * Runs a program of a tool (its name in `node_modules/.bin`) to its end.
   * @returns what it printed
   * @throws with all of its output if it fails
   */
  readonly run: (program: string, args: readonly string[], options?: RunOptions) => Promise<string>;
  /** Starts a program of a tool, or a script of `sources`. It is killed at the end of the row. */
  readonly start: (program: string, args: readonly string[]) => Running;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What the program reads. */
  readonly input?: string;
}

async function isNewEnough(node: string): Promise<boolean> {
  const version = await run(node, ['--version']).then(
    ({ stdout }) => stdout,
    () => '',
  );
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
  return major > NODE_FOR_TOOLS.major || (major === NODE_FOR_TOOLS.major && minor >= NODE_FOR_TOOLS.minor);
}

async function nodeForTools(directory: string): Promise<string> {
  const packaged = join(directory, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  for (const node of [packaged, process.execPath]) if (await isNewEnough(node)) return node;
  const wanted = `Node ${NODE_FOR_TOOLS.major}.${NODE_FOR_TOOLS.minor}`;
  throw new Error(`the tools need ${wanted}, which no package brings for this platform: run this command with it`);
}

const failed = (error: unknown): never => {
  const { message, stdout = '', stderr = '' } = error as Error & { stdout?: string; stderr?: string };
  throw new Error([message, stdout, stderr].filter((text) => text.trim() !== '').join('\n'));
};

/** Installs the tools by their lock file in a temporary directory, which is removed at the end of the command. */
export async function installTools(): Promise<Toolbox> {
  const directory = await mkdtemp(join(tmpdir(), 'resolution-center-tools-'));
  const removed = () => rm(directory, { recursive: true, force: true });
  onCleanup(removed);
  for (const name of ['package.json', 'package-lock.json', 'sources']) {
    await cp(join(import.meta.dirname, name), join(directory, name), { recursive: true });
  }
  await cp(join(ROOT, '.npmrc'), join(directory, '.npmrc'));
  await cp(join(ROOT, 'openapi/openapi.json'), join(directory, 'openapi.json'));
  // No script of a package runs, and those that ask for a newer Node than this one get it below.
  const npm = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  await run('npm', npm, { cwd: directory }).catch(failed);

  const node = await nodeForTools(directory);
  const bin = join(directory, 'node_modules/.bin');
  const { PATH = '', HOME = '' } = process.env;
  // The first line of each program asks for `node` on the PATH.
  const env = { HOME, PATH: [dirname(node), bin, PATH].join(delimiter), CI: 'true', NO_COLOR: '1' };
  return {
    directory,
    versionOf: async (name) => {
      const manifest = await readFile(join(directory, 'node_modules', name, 'package.json'), 'utf8');
      return (JSON.parse(manifest) as { version: string }).version;
    },
    run: async (program, args, { env: more = {}, input = '' } = {}) => {
      const started = run(program, args, { cwd: directory, env: { ...env, ...more }, maxBuffer: 64 * 2 ** 20 });
      started.child.stdin?.end(input);
      return (await started.catch(failed)).stdout;
    },
    start: (program, args) => runCommand(directory, [program, ...args], env),
  };
}
