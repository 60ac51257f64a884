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
  return eraseDueComments({ db: write.db, eraseCopies }, { retentionMs, log: silent });
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
    expect(await placesOf('mine-1')).toEqual(['disputes', 'idempotency_keys', 'idempotency_keys', 'log_entries']);
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
