import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { createDatabase } from '../../harness/database.ts';
import { runProgram, type ServiceProcess, startProcess } from '../../harness/process.ts';
import { CLIENT, FREELANCER, seedDispute } from '../../harness/seed.ts';
import { waitFor } from '../../harness/wait-for.ts';

interface Overview {
  readonly worker: string;
  readonly workers: readonly { readonly instance: string; readonly alive: boolean }[];
}

const LIMIT_MS = 300_000;
/** Longer than a dead worker, or a start, may go unnoticed. */
const NOTICED_MS = 60_000;

describe('an api and two workers of which one is killed and one is frozen', () => {
  let api: ServiceProcess;
  let killed: ServiceProcess;
  let frozen: ServiceProcess;

  const readiness = async (): Promise<Record<string, unknown>> => {
    const { status, body } = await api.withAuthorization(null).get<Record<string, unknown>>('/readyz');
    return { http: status, ...body };
  };
  const becomes = (worker: string) =>
    waitFor(`worker: ${worker}`, async () => (await readiness())['worker'] === worker, NOTICED_MS);
  const alive = async (): Promise<Record<string, unknown>> => {
    const { body } = await api.withScopes('ops').get<Overview>('/v1/ops/deadlines');
    const pids = body.workers.map((one) => [Number(one.instance.split(':').at(-1)), one.alive] as const);
    return { worker: body.worker, ...Object.fromEntries(pids) };
  };
  const gauge = async () => {
    const { text } = await api.withAuthorization(null).get('/metrics');
    return /^workers_alive (\d+)$/m.exec(text)?.[1];
  };
  const status = async () => {
    const RESOLUTION_CENTER_TOKEN = await mintToken(TEST_SECRET, { sub: 'an-operator', scope: 'ops' });
    const command = runProgram('cli/ops.js', ['status', '--url', api.url], { env: { RESOLUTION_CENTER_TOKEN } });
    await command.exited;
    return command.stdout() + command.stderr();
  };
  const pid = ({ child }: ServiceProcess) => child.pid ?? 0;

  beforeAll(async () => {
    const database = await createDatabase();
    [api, killed, frozen] = await Promise.all([
      startProcess({ role: 'api', database }),
      startProcess({ role: 'worker', database }),
      startProcess({ role: 'worker', database }),
    ]);
  }, LIMIT_MS);

  test(
    'says that both live, then that none does, then that one lives again',
    async () => {
      await becomes('up');
      await waitFor('both are seen', async () => Object.keys(await alive()).length === 3);
      expect(await alive()).toEqual({ worker: 'up', [pid(killed)]: true, [pid(frozen)]: true });

      killed.child.kill('SIGKILL');
      frozen.child.kill('SIGSTOP');
      await becomes('down');
      expect(await readiness()).toEqual({ http: 200, status: 'degraded', postgres: 'up', redis: 'up', worker: 'down' });
      expect(await alive()).toEqual({ worker: 'down', [pid(killed)]: false, [pid(frozen)]: false });
      await waitFor('the gauge shows it', async () => (await gauge()) === '0');
      expect(await status()).toMatch(/^status +degraded\n[\s\S]*^worker +down: no worker lives/m);
      expect(api.stdout()).toMatch(/"level":50,.*"msg":"no worker lives/);
      // Disputes go on.
      const { id } = await seedDispute(api, 'cancellation');
      expect((await api.as(FREELANCER).post(`/v1/disputes/${id}/accept`, {})).status).toBe(200);
      expect((await api.as(CLIENT).get(`/v1/disputes/${id}`)).status).toBe(200);

      frozen.child.kill('SIGCONT');
      await becomes('up');
      expect(await readiness()).toMatchObject({ http: 200, status: 'ready' });
      expect(await alive()).toEqual({ worker: 'up', [pid(killed)]: false, [pid(frozen)]: true });
      await waitFor('the gauge shows it', async () => (await gauge()) === '1');

      const third = await startProcess({ role: 'worker', database: api.database });
      await waitFor('the third one is seen', async () => (await alive())[pid(third)] === true);
      expect((await frozen.stop()).code).toBe(0);
      expect(await alive()).toEqual({ worker: 'up', [pid(killed)]: false, [pid(third)]: true });
      await third.stop();
    },
    LIMIT_MS,
  );
});
