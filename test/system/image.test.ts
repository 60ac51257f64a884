import { expect, test } from 'vitest';
import { freePort } from '../../src/dev/embedded/processes.ts';
import { fetchFrom } from '../harness/api/transport.ts';
import { createClients } from '../harness/client.ts';
import { createDatabase } from '../harness/database.ts';
import { listeningAt, runNode } from '../harness/process.ts';
import { testRedisUrl } from '../harness/redis.ts';
import { seedDispute } from '../harness/seed.ts';
import { testEnvironment } from '../harness/service.ts';
import { hasProgram } from '../harness/stage/programs.ts';
import { waitFor } from '../harness/wait-for.ts';
import { asker, bearer } from '../http/server/board.ts';
import { makeImage, readStage } from './image.ts';

const NOBODY = '65534';
/** Another user than the owner of the files, as in the image, where this user may become one. */
const asAnother =
  process.getuid?.() === 0 && hasProgram('setpriv')
    ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
    : [];

// A skipped test says why: the files are copied with options of GNU's cp.
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux(
  'what the Dockerfile copies is enough: packages of production, another user, and its own commands',
  async () => {
    const stage = await readStage();
    expect(stage.user).not.toBe('root');
    const app = await makeImage(stage);
    const { url: databaseUrl } = await createDatabase();
    const { NODE_ENV: _, ...surroundings } = testEnvironment(databaseUrl, await testRedisUrl());
    const env = { ...stage.env, ...surroundings, PORT: String(await freePort()) };
    const inImage = ([program, ...args]: readonly string[]) => {
      expect(program).toBe('node');
      return runNode(app, args, { env, wrap: asAnother });
    };

    const migrated = inImage(['node', 'dist/cli/ops.js', 'migrate']);
    await migrated.exited;
    expect([migrated.stdout(), migrated.stderr()]).toEqual(['nothing to migrate\n', '']);

    const main = inImage(stage.command);
    await listeningAt(main);
    const url = `http://127.0.0.1:${env.PORT}`;
    expect((await inImage(stage.healthCheck).exited).code).toBe(0);

    const service = createClients(fetchFrom(url));
    await seedDispute(service, 'cancellation');
    const as = await bearer('an-operator', 'ops');
    const pages = ['/docs', '/ui/resolution-center.js', '/ops/queues', '/openapi.json', '/metrics', '/readyz'];
    await waitFor('every page is served', async () => {
      const answers = await Promise.all(pages.map((path) => asker(url)(path, { as })));
      return answers.every(({ status }) => status === 200);
    });

    main.child.kill('SIGTERM');
    expect(await main.exited).toEqual({ code: 0, signal: null });
    expect(main.stderr()).toBe('');
    expect((await inImage(stage.healthCheck).exited).code).toBe(1);
  },
);
