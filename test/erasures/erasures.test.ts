import { pino } from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { eraseDueComments } from '../../src/erasures/erasures.ts';
import { letTimePass } from '../harness/database.ts';
import { newOrderId, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute, Timeline } from '../harness/types.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});

const DAY_MS = 86_400_000;
const silent = pino({ level: 'silent' });
function house(retentionMs: number | null) {
  const { write, eraseCopies } = service.deps.app.http;
  return eraseDueComments({ db: write.db, eraseCopies, log: silent }, retentionMs);
}

let people = 0;

/** Two people of their own, and a dispute between them in which both write. */
async function talk(texts: { opening: string; added: string; answer: string | null }) {
  people += 1;
  const [client, freelancer] = [`client-${people}`, `freelancer-${people}`];
  const order = await seedOrder(service, { clientId: client, freelancerId: freelancer }, newOrderId());
  const key = { 'idempotency-key': `open-${people}` };
  const body = { type: 'cancellation', reason: 'other', comment: texts.opening };
  const path = `/v1/orders/${order.id}/disputes`;
  const dispute = (await service.as(client).post<Dispute>(path, body, key)).body;
  await service.as(freelancer).post(`/v1/disputes/${dispute.id}/comments`, { comment: texts.added });
  const answer = () =>
    service
      .as(freelancer)
      .post(
        `/v1/disputes/${dispute.id}/decline`,
        { comment: texts.answer ?? '' },
        { 'idempotency-key': `no-${people}` },
      );
  if (texts.answer !== null) await answer();
  return { client, freelancer, dispute, path, body, key };
}

const erase = (userId: string, headers?: Record<string, string>) =>
  service.withScopes('ops').post<{ erased: number; waiting: number }>('/v1/ops/erasures', { userId }, headers);

const timeline = async (sub: string, id: string) =>
  (await service.as(sub).get<Timeline>(`/v1/disputes/${id}/timeline`)).body.data;

/** Where in the database a text stands. */
async function placesOf(text: string): Promise<string[]> {
  const tables = await service.database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  );
  const found = await Promise.all(
    tables.map(async ({ name }) => {
      const rows = await service.database.query(`SELECT 1 FROM ${name} t WHERE t::text LIKE $1`, [`%${text}%`]);
      return rows.map(() => name);
    }),
  );
  return found.flat().sort();
}

describe('POST /v1/ops/erasures', () => {
  test('erases what the user wrote in resolved disputes, wherever it is kept, and nothing that others wrote', async () => {
    const { client, freelancer, dispute, path, body, key } = await talk({
      opening: 'mine-1',
      added: 'theirs-1',
      answer: 'theirs-2',
    });
    await service.as(freelancer).post(`/v1/disputes/${dispute.id}/seen`, undefined, { 'idempotency-key': 'seen-1' });
    const answers = Array(3).fill('idempotency_keys');
    expect(await placesOf('mine-1')).toEqual(['disputes', ...answers, 'log_entries']);
    expect((await erase(client)).body).toMatchObject({ erased: 1, waiting: 0 });
    expect(await placesOf('mine-1')).toEqual([]);
    expect(await placesOf('theirs-2')).toEqual(['log_entries']);
    for (const sub of [client, freelancer]) {
      const entries = await timeline(sub, dispute.id);
      expect(entries.map(({ action, comment }) => [action, comment])).toEqual([
        ['opened', undefined],
        ['comment_added', 'theirs-1'],
        ['declined', 'theirs-2'],
      ]);
      expect(entries.map(({ commentErasedAt }) => commentErasedAt === undefined)).toEqual([false, true, true]);
      const seen = (await service.as(sub).get<Dispute>(`/v1/disputes/${dispute.id}`)).body;
      expect(seen).toMatchObject({ status: 'resolved', resolution: 'declined', reason: 'other', comment: null });
    }
    const replayed = await service.as(client).post<Dispute>(path, body, key);
    expect(replayed.headers['idempotency-replayed']).toBe('true');
    expect(replayed.body).toMatchObject({ id: dispute.id, comment: null });
  });

  test('leaves what stands in an open dispute until that is resolved', async () => {
    const { client, freelancer, dispute } = await talk({ opening: 'mine-3', added: 'theirs-3', answer: null });
    expect((await erase(freelancer)).body).toMatchObject({ erased: 0, waiting: 1 });
    await house(null);
    expect(await placesOf('theirs-3')).toEqual(['log_entries']);
    await service.as(client).post(`/v1/disputes/${dispute.id}/withdraw`, { comment: 'mine-4' });
    await house(null);
    expect(await placesOf('theirs-3')).toEqual([]);
    expect(await placesOf('mine-4')).toEqual(['log_entries']);
  });

  test('may be repeated, is noted in the log without any text, and is for operators only', async () => {
    const { client } = await talk({ opening: 'mine-5', added: 'theirs-5', answer: 'theirs-6' });
    const key = { 'idempotency-key': 'erase-once' };
    const first = await erase(client, key);
    const again = await erase(client, key);
    expect([first.body.erased, again.text]).toEqual([1, first.text]);
    expect((await erase(client)).body).toMatchObject({ erased: 0, waiting: 0 });
    const noted = service.log.lines().find(({ msg, userId }) => msg === 'comments were erased' && userId === client);
    expect(noted).toMatchObject({ by: 'a-service', erased: 1 });
    expect(service.log.text()).not.toMatch(/mine-|theirs-/);
    expect((await service.as(client).post('/v1/ops/erasures', { userId: client })).status).toBe(403);
    expect((await erase('no such user')).status).toBe(400);
  });

  test('goes for what was written until then', async () => {
    const before = await talk({ opening: 'mine-7', added: 'theirs-7', answer: 'theirs-8' });
    await erase(before.client);
    await service.database.query(`UPDATE erasures SET requested_at = requested_at - interval '1 minute'`);
    await house(null);
    const open = await service.database.query('SELECT user_id FROM erasures WHERE finished_at IS NULL');
    expect(open).toEqual([]);
  });
});

describe('an erasure', () => {
  /** Answers that a user's client has been given, and that are kept for its keys. */
  const keepAnswers = (userId: string, count: number, disputeId: string | null) =>
    service.database.query(
      `INSERT INTO idempotency_keys
       SELECT $1, gen_random_uuid()::text, 'f', 200, '{}',
         '{"id":"' || coalesce($3, gen_random_uuid()::text) || '","comment":"mine-20","version":2}', clock_timestamp()
       FROM generate_series(1, $2)`,
      [`user:${userId}`, count, disputeId],
    );

  test('of a user with 20,000 kept answers takes what is meant out of them, in batches', async () => {
    const { client, dispute } = await talk({ opening: 'mine-20', added: 'theirs-20', answer: 'theirs-21' });
    await keepAnswers(client, 20_000, null);
    await keepAnswers(client, 450, dispute.id);
    expect((await erase(client)).body).toMatchObject({ erased: 1, waiting: 0 });
    const [left] = await service.database.query(
      `SELECT count(*)::integer AS count FROM idempotency_keys
       WHERE response_body LIKE '{"id":"' || $1 || '"%' AND response_body LIKE '%mine-20%'`,
      [dispute.id],
    );
    expect(left).toEqual({ count: 0 });
    await service.database.query(`DELETE FROM idempotency_keys WHERE response_body LIKE '%mine-20%'`);
  });

  test('is made although a hundred others wait for open disputes, and so are those of old disputes', async () => {
    await talk({ opening: 'mine-21', added: 'theirs-27', answer: null });
    for (let n = 0; n < 101; n += 1) {
      await service.database.query(
        `INSERT INTO erasures VALUES ($1, clock_timestamp() - interval '1 day', 'a test', NULL)`,
        [`waiting-${n}`],
      );
      await service.database.query(
        `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause,
           comment, data)
         SELECT order_id, 1000 + $1, gen_random_uuid(), 'dispute.comment_added', opened_at - interval '2 days', id, 'client', $2, 'request:x',
           'waits', '{}' FROM disputes WHERE status = 'open' ORDER BY id LIMIT 1`,
        [n, `waiting-${n}`],
      );
    }
    const [{ waiting } = { waiting: 0 }] = await service.database.query<{ waiting: number }>(
      `SELECT count(*)::integer AS waiting FROM log_entries WHERE comment = 'waits'`,
    );
    expect(waiting).toBe(101);
    const late = await talk({ opening: 'mine-22', added: 'theirs-22', answer: null });
    await erase(late.client);
    await service.as(late.freelancer).post(`/v1/disputes/${late.dispute.id}/decline`, {});
    await house(null);
    expect(await placesOf('mine-22')).toEqual([]);
    await service.database.query(`DELETE FROM log_entries WHERE comment = 'waits'`);
    await service.database.query(`DELETE FROM erasures WHERE user_id LIKE 'waiting-%'`);
  });

  test('that fails keeps back neither another one nor the end of a retention', async () => {
    const [bad, good] = [
      await talk({ opening: 'mine-23', added: 'theirs-23', answer: null }),
      await talk({ opening: 'mine-24', added: 'theirs-24', answer: null }),
    ];
    const old = await talk({ opening: 'mine-25', added: 'theirs-25', answer: 'theirs-26' });
    const alike = await talk({ opening: 'mine-28', added: 'theirs-28', answer: 'theirs-29' });
    for (const { client, freelancer, dispute } of [bad, good]) {
      await erase(client);
      await service.as(freelancer).post(`/v1/disputes/${dispute.id}/decline`, {});
    }
    for (const { dispute } of [old, alike]) await letTimePass(service.database, dispute.id, 31 * DAY_MS);
    await service.database.query(
      `CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$`,
    );
    await service.database.query(
      `CREATE TRIGGER poison BEFORE UPDATE ON disputes FOR EACH ROW WHEN (NEW.id IN ('${bad.dispute.id}', '${alike.dispute.id}')) EXECUTE FUNCTION poison()`,
    );
    await house(30 * DAY_MS);
    await service.database.query('DROP TRIGGER poison ON disputes');
    expect(await placesOf('mine-23')).toEqual(['disputes', 'idempotency_keys', 'log_entries']);
    for (const text of ['mine-24', 'mine-25']) expect(await placesOf(text)).toEqual([]);
    expect(await placesOf('mine-28')).not.toEqual([]);
    await house(30 * DAY_MS);
    for (const text of ['mine-23', 'mine-28']) expect(await placesOf(text)).toEqual([]);
  });
});

test('comments are erased when their dispute was resolved so long ago as is configured, and not earlier', async () => {
  const old = await talk({ opening: 'old-1', added: 'old-2', answer: 'old-3' });
  await talk({ opening: 'young-1', added: 'young-2', answer: 'young-3' });
  await letTimePass(service.database, old.dispute.id, 31 * DAY_MS);
  await house(null);
  expect(await placesOf('old-1')).not.toEqual([]);
  expect(await house(30 * DAY_MS)).toBe('more');
  expect(await house(30 * DAY_MS)).toBe('done');
  for (const text of ['old-1', 'old-2', 'old-3']) expect(await placesOf(text)).toEqual([]);
  for (const text of ['young-1', 'young-2', 'young-3']) expect(await placesOf(text)).not.toEqual([]);
});
