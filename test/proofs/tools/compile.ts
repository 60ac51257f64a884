import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const TSC = join(import.meta.dirname, '../../../node_modules/typescript/bin/tsc');

/** Errors under `exactOptionalPropertyTypes` that a generator makes, and not the document. */
export interface KnownErrors {
  /** The generated files that have them, and no others. */
  readonly files: RegExp;
  /** Where they are and why, in Markdown. */
  readonly because: string;
}

/** The errors of an adapter with its generated client: a line each, which begins with the file. */
async function errorsOf(directory: string, name: string, exact: boolean): Promise<string[]> {
  const config = join(directory, `tsconfig.${name}.json`);
  const compilerOptions = { exactOptionalPropertyTypes: exact };
  const include = [`sources/clients/${name}.ts`, `generated/${name}`];
  await writeFile(config, JSON.stringify({ extends: './sources/tsconfig.json', compilerOptions, include }));
  const args = [TSC, '-p', config, '--pretty', 'false'];
  const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
    execFile(process.execPath, args, { cwd: directory, maxBuffer: 64 * 2 ** 20 }, (error, stdout) =>
      resolve({ code: error?.code ?? 0, stdout }),
    );
  });
  const errors = stdout.split('\n').filter((line) => /^\S.*error TS\d+:/.test(line));
  if (code !== 0 && errors.length === 0) throw new Error(`tsc ended with ${code}: ${stdout}`);
  return errors;
}

/**
 * Compiles an adapter with all of its generated client.
 * @returns how many known errors there are
 * @throws for any other error, and where the known ones are gone
 */
export async function compileStrictly(directory: string, name: string, known?: KnownErrors): Promise<number> {
  const errors = await errorsOf(directory, name, true);
  const others = errors.filter((line) => known?.files.test(line) !== true);
  if (others.length > 0) throw new Error(`does not compile: ${others.join('\n')}`);
  if (known === undefined) return 0;
  if (errors.length === 0) throw new Error('the known errors with exactOptionalPropertyTypes are gone: change the row');
  const without = await errorsOf(directory, name, false);
  if (without.length > 0) throw new Error(`does not compile without exactOptionalPropertyTypes: ${without.join('\n')}`);
  return errors.length;
}
