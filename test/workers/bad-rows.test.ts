import { beforeAll, describe, expect, test } from 'vitest';
import { reconcile } from '../../src/application/deadlines.ts';
import { rollUp } from '../../src/statistics/rollup.ts';
import { fanOut } from '../../src/webhooks/deliver.ts';
import { letTimePass } from '../harness/database.ts';
import { seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';

const DAY_MS = 86_400_000;
const DISPUTES = 5;

let service: Service;
let ids: string[];
let bad: string;

/** Has the database refuse rows of a table. */
async function poison(table: string, event: string, condition: string): Promise<void> {
  await service.database.query(
    `CREATE TRIGGER poison BEFORE ${event} ON ${table} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION poison()`,
  );
}

const cure = (table: string) => service.database.query(`DROP TRIGGER poison ON ${table}`);

beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
  await service.database.query(
    `CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$`,
  );
  ids = [];
  for (let n = 0; n < DISPUTES; n += 1) ids.push((await seedDispute(service, 'cancellation')).id);
  bad = ids[2] ?? '';
});

describe('one bad row stops no other', () => {
  test('in the webhooks of an endpoint, or of another endpoint', async () => {
    const manager = service.withScopes('webhooks:manage');
    const endpoints = await Promise.all(
      [0, 1].map(async (n) => {
        const made = await manager.post<{ id: string }>('/v1/webhook-endpoints', { url: `https://hooks.example/${n}` });
        expect(made.status).toBe(201);
        return made.body.id;
      }),
    );
    await service.database.query('UPDATE webhook_endpoints SET position = 0');
    const [event] = await service.database.query<{ id: string }>(
      `SELECT id FROM log_entries WHERE dispute_id = '${bad}' AND type = 'dispute.opened'`,
    );
    await poison(
      'webhook_deliveries',
      'INSERT',
      `NEW.message_id = '${event?.id}' AND NEW.endpoint_id = '${endpoints[0]}'`,
    );
    const noted: object[] = [];
    const { db, newId } = service.deps.write;
    await fanOut({ db, newId, log: { error: (facts: object) => void noted.push(facts) } });
    await cure('webhook_deliveries');
    const events = await service.database.query('SELECT id FROM log_entries');
    const made = await service.database.query<{ endpoint_id: string; count: number }>(
      'SELECT endpoint_id, count(*)::integer AS count FROM webhook_deliveries GROUP BY endpoint_id',
    );
    const counts = endpoints.map((id) => made.find(({ endpoint_id }) => endpoint_id === id)?.count);
    expect(counts).toEqual([events.length - 1, events.length]);
    expect(noted).toMatchObject([{ endpointId: endpoints[0], eventId: event?.id }]);
    await service.database.query('DELETE FROM webhook_endpoints');
  });

  test('in an endpoint that cannot be written: the next one has its events', async () => {
    const manager = service.withScopes('webhooks:manage');
    const path = '/v1/webhook-endpoints';
    const first = (await manager.post<{ id: string }>(path, { url: 'https://hooks.example/a' })).body.id;
    const second = (await manager.post<{ id: string }>(path, { url: 'https://hooks.example/b' })).body.id;
    await service.database.query('UPDATE webhook_endpoints SET position = 0');
    await poison('webhook_endpoints', 'UPDATE', `NEW.id = '${first}'`);
    const noted: object[] = [];
    const { db, newId } = service.deps.write;
    await fanOut({ db, newId, log: { error: (facts: object) => void noted.push(facts) } });
    await cure('webhook_endpoints');
    const left = await service.database.query('SELECT id FROM webhook_endpoints WHERE position = 0');
    expect(left).toEqual([{ id: first }]);
    expect(noted).toMatchObject([{ endpointId: first }]);
    const made = await service.database.query('SELECT DISTINCT endpoint_id AS id FROM webhook_deliveries');
    expect(made).toContainEqual({ id: second });
    await service.database.query('DELETE FROM webhook_endpoints');
  });

  test('in the statistics', async () => {
    await service.database.query('TRUNCATE dispute_statistics');
    await service.database.query('UPDATE statistics_position SET seq = 0');
    await service.database.query(`UPDATE disputes SET reason = 'poison' WHERE id = '${bad}'`);
    await poison('dispute_statistics', 'INSERT', `NEW.reason = 'poison'`);
    const noted: object[] = [];
    const log = { error: (facts: object) => void noted.push(facts) };
    expect(await rollUp({ db: service.deps.write.db, log }, 3)).toBe('done');
    await cure('dispute_statistics');
    const [counted] = await service.database.query('SELECT sum(disputes)::integer AS count FROM dispute_statistics');
    expect(counted).toEqual({ count: DISPUTES - 1 });
    expect(noted).toHaveLength(1);
  });

  test('in a reconciliation, which says how many failed', async () => {
    for (const id of ids) await letTimePass(service.database, id, 3 * DAY_MS);
    await poison('disputes', 'UPDATE', `NEW.id = '${bad}'`);
    const queue = {
      horizonMs: 0,
      missing: async () => [],
      waiting: async () => [],
      add: async () => {},
      remove: async () => {},
    };
    const done = await reconcile(service.deps.write, queue, 10_000);
    expect(done).toMatchObject({ settled: DISPUTES - 1, failed: 1, complete: true });
    const open = await service.database.query(`SELECT id FROM disputes WHERE status = 'open'`);
    expect(open).toEqual([{ id: bad }]);
    await cure('disputes');
  });
});
