import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../harness/wait-for.ts';
import { type Cluster, findPrograms, startCluster } from './cluster.ts';
import { type Host, makeHome, makeHost, missingPrograms } from './deployment.ts';
import { type Load, startLoad } from './load.ts';
import { blocksOf, openShell, type Shell } from './shell.ts';

const bin = findPrograms();
const missing = [...(await missingPrograms()), ...(bin === undefined ? ['PostgreSQL with pg_basebackup'] : [])];
const LACKING = missing.length === 0 ? '' : ` (skipped: this machine has no ${missing.join(', ')})`;

const PAGE = 'backup-and-restore.md';
// Long enough to answer in after the restore, on a busy machine, too.
const SETTINGS = 'WINDOW_CANCELLATION=PT8S\nREMINDERS=none\n';
const CLIENT = { sub: 'client-7' };
const FREELANCER = { sub: 'freelancer-7' };

describe.skipIf(missing.length > 0)(`a restore to a point in the past, by the commands of its page${LACKING}`, () => {
  let host: Host;
  let cluster: Cluster;
  let postgres: Shell;
  let service: Load;

  const runBlocks = async (heading: string) => {
    const all = blocksOf(PAGE).filter((block) => block.heading === heading);
    expect([heading, all.length > 0]).toEqual([heading, true]);
    for (const { code } of all) await (/pg_ctl|pg_basebackup/.test(code) ? postgres : host.shell).run(host.here(code));
  };
  const report = async (order: string) => {
    const parties = { clientId: CLIENT.sub, freelancerId: FREELANCER.sub };
    const price = { amount: 1_000, currency: 'EUR' };
    const facts = { ...parties, price, status: 'in_progress', title: 'Logo', deliverBy: null, revision: 1 };
    return await service.call({ sub: 'orders', scope: 'orders:write' }, 'PUT', `/v1/orders/${order}`, facts);
  };
  const open = async (order: string) => {
    await report(order);
    const request = { type: 'cancellation', reason: 'late_delivery', comment: 'It is late.' };
    return (await service.call(CLIENT, 'POST', `/v1/orders/${order}/disputes`, request)).body;
  };
  const read = async (id: string) => (await service.call(CLIENT, 'GET', `/v1/disputes/${id}`)).body;

  beforeAll(async () => {
    const home = await makeHome();
    cluster = await startCluster(home, bin ?? '');
    host = await makeHost(home, cluster.url);
    postgres = openShell({
      cwd: '/',
      env: { ...cluster.env, DATABASE_ADMIN: host.database },
      account: cluster.account,
    });
    await host.shell.run(`export ARCHIVE=${cluster.archive}`);
    const settings = join(host.home, 'config/common.env');
    for (const { heading, code } of blocksOf('first-deployment.md')) {
      if (heading === 'Make the tables') await appendFile(settings, SETTINGS);
      if (heading !== 'Get alerts') await host.shell.run(host.here(code));
    }
    for (const { code } of blocksOf('README.md')) await host.shell.run(host.here(code));
    const secret = /^AUTH_SECRET=(.*)$/m.exec(await readFile(settings, 'utf8'))?.[1] ?? '';
    service = startLoad([host.at(3001), host.at(3002)], secret, 0);
  });

  test('cancels no order by time in which the service was not there, also to before a rotation of its password', async () => {
    await runBlocks('Archive the WAL');
    await runBlocks('Make a base backup');
    const dispute = await open('kept');
    const [point = ''] = (
      await host.shell.run(
        `psql "$DATABASE_ADMIN" -Atc "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\\"T\\"HH24:MI:SS.MS\\"Z\\"')"`,
      )
    ).split('\n');
    const lost = await open('lost');
    await service.call(CLIENT, 'POST', `/v1/disputes/${dispute.id}/withdraw`);

    const [base = ''] = await readdir(cluster.backups);
    for (const shell of [host.shell, postgres]) {
      await shell.run(`export POINT=${point} BASE=${cluster.backups}/${base}`);
    }
    // The second login of the service is made after the point: the restored cluster does not know it.
    await host.shell.run(`psql "$DATABASE_ADMIN" -qc "CREATE ROLE resolution_center_app_2 IN ROLE resolution_center_app LOGIN PASSWORD 'later'"
      sed -i 's|^\\(DATABASE_URL=.*//\\)[^@]*@|\\1resolution_center_app_2:later@|' "$CONFIG/common.env"`);
    await runBlocks('Stop the service');
    await runBlocks('Restore the cluster');
    await waitFor('the deadline has passed', () => Date.now() > Date.parse(dispute.respondBy), 30_000, 200);
    await runBlocks('Begin a hold, before anything runs');
    const [start, release] = blocksOf(PAGE).filter(({ heading }) => heading === 'Start, and release');
    await host.shell.run(host.here(start?.code ?? ''));

    expect(await read(dispute.id)).toMatchObject({ status: 'open', held: { since: point } });
    expect((await service.call(CLIENT, 'GET', `/v1/disputes/${lost.id}`)).status).toBe(404);
    const released = Date.now();
    await host.shell.run(host.here(release?.code ?? ''));
    const after = await read(dispute.id);
    expect(after).toMatchObject({ status: 'open', held: null });
    const moved = Date.parse(after.respondBy) - Date.parse(dispute.respondBy);
    expect(moved).toBeGreaterThanOrEqual(released - Date.parse(point) - 1_000);

    expect((await report('lost')).status).toBe(201);
  });
});
