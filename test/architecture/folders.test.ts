import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { crowdedFoldersIn, violationsIn } from './folders.ts';
import { cyclesIn, reachableFrom, readSources, type Sources } from './imports.ts';

let sources: Sources;
let page: Sources;
let tests: Sources;

beforeAll(async () => {
  sources = await readSources(join(import.meta.dirname, '../../src'));
  page = await readSources(join(import.meta.dirname, '../../ui/src'));
  tests = await readSources(join(import.meta.dirname, '..'));
});

/** The violations that one more file in src brings, or lines added to one. */
function planted(path: string, text: string): string[] {
  const before = violationsIn(sources);
  const after = violationsIn(new Map([...sources, [path, `${sources.get(path) ?? ''}\n${text}`]]));
  return after.filter((violation) => !before.includes(violation));
}

describe('the folders of src and ui/src', () => {
  test('are all there, with what they hold', () => {
    const folders = new Set([...sources.keys()].map((path) => path.split('/')[0]));
    expect([...folders]).toEqual(
      expect.arrayContaining([
        'domain',
        'store',
        'application',
        'http',
        'workers',
        'webhooks',
        'metrics',
        'platform',
        'dev',
        'main.ts',
        'deps.ts',
      ]),
    );
    expect(reachableFrom('main.ts', sources)).toContain('domain/decide.ts');
    expect(reachableFrom('workers/workers.ts', sources)).toContain('bullmq');
  });

  test('have no arrow that runs up or sideways', () => {
    expect(violationsIn(sources), 'see docs/architecture.md, Folders').toEqual([]);
  });

  test('have no files that import each other in a circle, not even types', () => {
    expect(cyclesIn(sources), 'see docs/architecture.md, Folders').toEqual([]);
    expect(cyclesIn(page), 'see docs/architecture.md, Folders').toEqual([]);
  });

  test('have no folder with more than fifteen files in it', () => {
    expect(crowdedFoldersIn(sources), 'see docs/architecture.md, Folders').toEqual([]);
    expect(crowdedFoldersIn(page), 'see docs/architecture.md, Folders').toEqual([]);
    expect(crowdedFoldersIn(tests), 'see docs/architecture.md, Folders').toEqual([]);
  });
});

describe('an arrow is found', () => {
  test.each([
    ['up', 'store/planted.ts', `import { execute } from '../application/write.ts';`, 'imports application/write.ts'],
    ['up, in a file that exists', 'domain/decide.ts', `import '../store/rows.ts';`, 'imports store/rows.ts'],
    [
      'up, of a type',
      'application/planted.ts',
      `import type { A } from '../http/server/app.ts';`,
      'imports http/server/app.ts',
    ],
    [
      'up, inside a type',
      'store/planted.ts',
      `let a: import('../http/server/app.ts').A;`,
      'imports http/server/app.ts',
    ],
    ['up, of an export', 'domain/planted.ts', `export * from '../store/rows.ts';`, 'imports store/rows.ts'],
    ['up, when it runs', 'application/planted.ts', `await import('../workers/relay.ts');`, 'imports workers/relay.ts'],
    ['up, by require', 'application/planted.ts', `require('../workers/relay.ts');`, 'imports workers/relay.ts'],
    ['to the top', 'http/planted.ts', `import { makeDeps } from '../deps.ts';`, 'imports deps.ts'],
    ['sideways, from http', 'http/routes/planted.ts', `import '../../workers/loop.ts';`, 'imports workers/loop.ts'],
    ['sideways, from workers', 'workers/planted.ts', `import '../http/server/app.ts';`, 'imports http/server/app.ts'],
    ['from a route to the store', 'http/routes/planted.ts', `import '../../store/rows.ts';`, 'imports store/rows.ts'],
    [
      'from a route to a transaction',
      'http/routes/planted.ts',
      `import { withTx } from '../../platform/postgres/database.ts';`,
      'imports platform/postgres/database.ts',
    ],
    [
      "from a slice's route to its store",
      'webhooks/http/planted.ts',
      `import '../store/endpoints.ts';`,
      'imports webhooks/store/endpoints.ts',
    ],
    [
      "from a slice's route to the store",
      'statistics/http/planted.ts',
      `import '../../store/clock.ts';`,
      'imports store/clock.ts',
    ],
    [
      'from a slice to a slice',
      'statistics/planted.ts',
      `import '../webhooks/states.ts';`,
      'imports webhooks/states.ts',
    ],
    ['from a layer to a slice', 'workers/planted.ts', `import '../webhooks/states.ts';`, 'imports webhooks/states.ts'],
    ['out of platform', 'platform/postgres/planted.ts', `import '../../domain/rules.ts';`, 'imports domain/rules.ts'],
    [
      'out of src',
      'http/planted.ts',
      `import '../../test/harness/seed.ts';`,
      'imports ../test/harness/seed.ts, which is not in src',
    ],
    ['to a name that only a run knows', 'http/planted.ts', 'await import(name);', 'imports what only a run can tell'],
  ])('that runs %s', (_direction, path, text, fault) => {
    expect(planted(path, text)).toContain(`${path} ${fault}`);
  });

  test.each(['node:crypto', 'zod', 'uuid'])('that the domain sends to %s', (name) => {
    expect(planted('domain/planted.ts', `import '${name}';`)).toEqual([
      `domain/planted.ts imports ${name}: the rules need nothing`,
    ]);
  });

  test('from the sweeper to Redis, however far the way', () => {
    expect(planted('platform/log.ts', `import { Redis } from 'ioredis';`)).toContain(
      'workers/sweeper.ts reaches ioredis',
    );
    expect(planted('workers/loop.ts', `import { Queue } from 'bullmq';`)).toEqual([
      'workers/sweeper.ts reaches bullmq',
    ]);
  });

  test('from the path of a request to Redis', () => {
    expect(planted('platform/postgres/database.ts', `import { Redis } from 'ioredis';`)).toContain(
      'http/server/app.ts reaches ioredis',
    );
  });

  test('from the page of the queues to Redis: it is handed the queue', () => {
    expect(
      planted('http/system/queue-board.ts', `import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';`),
    ).toContain('http/system/queue-board.ts reaches @bull-board/api/bullMQAdapter');
  });

  test('in a circle, also of types', () => {
    const added = [
      ['http/a.ts', `import './b.ts';`],
      ['http/b.ts', `import type { C } from './c.ts';`],
      ['http/c.ts', `export * from './a.ts';`],
    ] as const;
    expect(cyclesIn(new Map([...sources, ...added]))).toEqual([['http/a.ts', 'http/b.ts', 'http/c.ts']]);
  });

  test('into a folder that is full', () => {
    const added = Array.from({ length: 16 }, (_, index) => [`workers/inner/${index}.ts`, ''] as const);
    expect(crowdedFoldersIn(new Map([...sources, ...added]))).toEqual(['workers/inner has 16 files']);
  });

  test('from a folder that the architecture does not have', () => {
    expect(planted('helpers/planted.ts', '')).toEqual(['helpers/planted.ts is in no folder of the architecture']);
  });
});
