import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { compileStrictly, type KnownErrors } from './compile.ts';
import { driveMainFlow } from './main-flow.ts';
import type { CallerOf } from './sources/caller.ts';
import type { Stage, Tool } from './tool.ts';

const DONE = 'client generated, compiled strictly, drives the main flow';

/** A generator of clients. Its adapter is `sources/clients/NAME.ts`; it writes to `generated/NAME`. */
interface Generator {
  readonly name: string;
  readonly packages: readonly string[];
  readonly program: string;
  readonly args: readonly string[];
  /** Errors of the compiler in what it generates, which are the generator's. */
  readonly known?: KnownErrors;
  /** What a user has to set. */
  readonly note?: string;
}

const GENERATORS: readonly Generator[] = [
  {
    name: 'hey-api',
    packages: ['@hey-api/openapi-ts'],
    program: 'openapi-ts',
    args: ['-f', 'sources/configs/hey-api.mjs', '--no-log-file'],
    known: {
      files: /^generated\/hey-api\/(client|core)\//,
      because:
        'in the runtime that it copies into each client, whatever the document says ([hey-api 2363](https://github.com/hey-api/hey-api/issues/2363))',
    },
  },
  {
    name: 'orval',
    packages: ['orval'],
    program: 'orval',
    args: ['--config', 'sources/configs/orval.mjs'],
    note: '`baseUrl` has to be set: the first server of the document is `/`',
  },
  {
    name: 'openapi-fetch',
    packages: ['openapi-fetch', 'openapi-typescript'],
    program: 'openapi-typescript',
    args: ['openapi.json', '--default-non-nullable=false', '-o', 'generated/openapi-fetch/api.d.ts'],
    note: 'lists in queries need `querySerializer: { array: { style: "form", explode: false } }`: the types do not carry `explode`',
  },
  {
    name: 'openapi-zod-client',
    packages: ['openapi-zod-client', '@zodios/core'],
    program: 'openapi-zod-client',
    args: [
      'openapi.json',
      ...['-o', 'generated/openapi-zod-client/api.ts'],
      ...['--media-type-expr', '/^application\\/(problem\\+)?json$/.test(mediaType)'],
    ],
    note: 'problems are typed with `--media-type-expr` for `application/problem+json`; lists in queries need a `paramsSerializer` that joins with commas: it drops `explode`',
  },
  {
    name: 'kubb',
    // Kubb 5 has no plugin for clients so far.
    packages: ['@kubb/plugin-client', '@kubb/plugin-ts'],
    program: 'kubb',
    args: ['generate', '--config', 'sources/configs/kubb.mjs'],
    known: {
      files: /^generated\/kubb\/clients\//,
      because: 'in each call whose body is optional: it passes `undefined` for a `data?` of its own',
    },
    note: 'no later version has a client; its fetch client needs `Content-Type: application/json` in the configuration (it sends none) and a wrapper that throws for statuses from 400 (its types know only successes)',
  },
];

/** Makes one module of an adapter and the client that it imports; packages stay where they are. */
async function load(directory: string, name: string): Promise<CallerOf> {
  const outfile = join(directory, `built/${name}.mjs`);
  await build({
    entryPoints: [join(directory, `sources/clients/${name}.ts`)],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
  });
  // The adapter was compiled strictly against CallerOf just before.
  const { callerOf } = (await import(pathToFileURL(outfile).href)) as { callerOf: CallerOf };
  return callerOf;
}

async function tryOut(generator: Generator, { toolbox, service }: Stage): Promise<string> {
  const { name, program, args, known, note } = generator;
  const output = join(toolbox.directory, 'generated', name);
  await mkdir(dirname(output), { recursive: true });
  await mkdir(output, { recursive: true });
  await toolbox.run(program, args, { env: { SERVICE_URL: service.url } });
  const errors = await compileStrictly(toolbox.directory, name, known);
  await driveMainFlow(service.url, await load(toolbox.directory, name), `order-of-${name}`);
  const result =
    known === undefined
      ? 'works'
      : `works without \`exactOptionalPropertyTypes\`; with it there are ${errors} compiler errors ${known.because}`;
  return note === undefined ? result : `${result}; ${note}`;
}

/** One row for each generator of clients. */
export const GENERATED: readonly Tool[] = GENERATORS.map((generator) => ({
  name: generator.name,
  packages: generator.packages,
  done: DONE,
  tryOut: (stage) => tryOut(generator, stage),
}));
