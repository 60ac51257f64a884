import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { closeApp } from '../../../../src/http/server/close.ts';
import { fetchFrom } from '../../../harness/api/transport.ts';
import { createClients } from '../../../harness/client.ts';
import { CLIENT, FREELANCER, REQUESTS, seedDispute, seedOrder } from '../../../harness/seed.ts';
import { type Service, startService } from '../../../harness/service.ts';
import type { EventPage, FeedEvent } from '../../../harness/types.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import { runFeed } from '../../../proofs/feed/feed.ts';

let service: Service;
beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
});

async function page(query: string): Promise<EventPage> {
  return (await service.withScopes('events:read').get<EventPage>(`/v1/events?${query}`)).body;
}

/** Reads from the beginning until nothing more comes. */
async function readAll(query: string): Promise<FeedEvent[]> {
  const events: FeedEvent[] = [];
  for (let after = 0; ; ) {
    const { data, nextAfter } = await page(`${query}&after=${after}`);
    if (data.length === 0) return events;
    events.push(...data);
    after = nextAfter;
  }
}

/** Where the feed ends now. */
async function head(): Promise<number> {
  return (await readAll('limit=500')).at(-1)?.seq ?? 0;
}

const typesOf = (events: readonly FeedEvent[]) => events.map(({ type }) => type);

describe('the feed', () => {
  test('tells the story of an order in order, its versions without gaps', async () => {
    const { id: orderId } = await seedOrder(service);
    const { id } = await seedDispute(service, 'order_change', { orderId });
    await service.as(CLIENT).post(`/v1/disputes/${id}/accept`, { comment: 'Fine.' });
    const events = await readAll(`orderId=${orderId}&limit=1`);
    expect(typesOf(events)).toEqual([
      'dispute.opened',
      'order.status_changed',
      'dispute.accepted',
      'order.status_changed',
      'order.extras_added',
    ]);
    expect(events.map(({ orderVersion }) => orderVersion)).toEqual([1, 2, 3, 4, 5]);
    expect(events.map(({ previous }) => previous)).toEqual([
      null,
      { status: 'in_progress' },
      null,
      { status: 'in_dispute' },
      { extrasCount: 0 },
    ]);
    const [opened, , accepted] = events;
    expect(opened).toMatchObject({ actor: { role: 'freelancer', id: FREELANCER }, dispute: { id, status: 'open' } });
    expect(accepted).toMatchObject({ actor: { role: 'client', id: CLIENT }, dispute: { id, resolution: 'accepted' } });
    expect(accepted?.order.extrasCount).toBe(1);
    expect(accepted?.dispute?.change?.extras).toHaveLength(1);
  });

  test('counts up, also where orders change by turns', async () => {
    const orders = await Promise.all([1, 2, 3].map(() => seedOrder(service)));
    for (const { id: orderId } of orders) await seedDispute(service, 'cancellation', { orderId });
    const events = await readAll('limit=4');
    const seqs = events.map(({ seq }) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    for (const { id } of orders) {
      const versions = events.filter(({ orderId }) => orderId === id).map(({ orderVersion }) => orderVersion);
      expect(versions).toEqual(versions.map((_, index) => index + 1));
    }
  });

  test('is filtered by types and by order, and a position also passes what was not asked for', async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const end = await head();
    const opened = await readAll('types=dispute.opened,dispute.accepted&limit=2');
    expect(new Set(typesOf(opened))).toEqual(new Set(['dispute.opened', 'dispute.accepted']));
    const nothing = await page(`types=dispute.superseded&orderId=${orderId}`);
    expect(nothing).toEqual({ data: [], nextAfter: end });
    expect(typesOf((await page(`orderId=${orderId}&types=order.status_changed`)).data)).toEqual([
      'order.status_changed',
    ]);
    const full = await page(`orderId=${orderId}&types=dispute.opened&limit=1`);
    expect(full.nextAfter).toBe(full.data[0]?.seq);
  });

  test('finds what is rare far behind everything else, in one call', async () => {
    await service.database.query(
      'UPDATE log_entries SET seq = seq + 90000 WHERE seq = (SELECT max(seq) FROM log_entries)',
    );
    const { id } = await seedDispute(service, 'cancellation');
    await service.as(FREELANCER).post(`/v1/disputes/${id}/accept`);
    const { data } = await page(`after=${(await head()) - 80_000}&types=dispute.accepted`);
    expect(data).toMatchObject([{ type: 'dispute.accepted', dispute: { id } }]);
  });

  test('says nothing twice: an old position gives the same again, the last one nothing', async () => {
    await seedDispute(service, 'order_update');
    const first = await page('limit=3');
    expect(await page('limit=3')).toEqual(first);
    const end = await head();
    expect(await page(`after=${end}`)).toEqual({ data: [], nextAfter: end });
  });

  test.each(['', '&wait=30', '&types=dispute.opened', '&orderId=order-1'])(
    'refuses a position beyond the end of the log at once, and says where the log ends (after=…%s)',
    async (rest) => {
      await seedDispute(service, 'order_update');
      const end = await head();
      const refused = await service.withScopes('events:read').get(`/v1/events?after=${end + 1}${rest}`);
      expect(refused).toMatchObject({ status: 409, code: 'position_ahead', problem: { end } });
      expect((await page(`after=${end}`)).nextAfter).toBe(end);
    },
  );

  test('begins at 0 in a log without entries, and refuses every other position there', async () => {
    const empty = await startService();
    const reader = empty.withScopes('events:read');
    expect((await reader.get<EventPage>('/v1/events?after=0')).body).toEqual({ data: [], nextAfter: 0 });
    expect((await reader.get('/v1/events?after=1')).problem).toMatchObject({ code: 'position_ahead', end: 0 });
  });
});

describe('a reader that waits', () => {
  test('gets what comes, as soon as it comes', async () => {
    const end = await head();
    // Asked for a kind that is rare, so that it goes on waiting while others come.
    const waiting = page(`after=${end}&types=dispute.withdrawn&wait=20`);
    const { id } = await seedDispute(service, 'cancellation');
    await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
    const { data } = await waiting;
    expect(data).toMatchObject([{ type: 'dispute.withdrawn', dispute: { id } }]);
  });

  test('is told that nothing came', async () => {
    const end = await head();
    expect(await page(`after=${end}&wait=1`)).toEqual({ data: [], nextAfter: end });
  });

  test('is let go when the process stops', async () => {
    const other = await startService({ database: service.database });
    const { withScopes } = createClients(fetchFrom(await other.listen()));
    const end = await head();
    const blocker = await other.deps.write.db.pool.connect();
    await blocker.query('BEGIN; LOCK TABLE log_entries');
    const waiting = withScopes('events:read').get<EventPage>(`/v1/events?after=${end}&wait=30`);
    await waitFor('the reader is there', async () => {
      const asking = 'SELECT 1 FROM pg_stat_activity WHERE wait_event_type = $1 AND datname = current_database()';
      return (await service.database.query(asking, ['Lock'])).length > 0;
    });
    const closed = closeApp(other.app, 10_000);
    await blocker.query('ROLLBACK');
    blocker.release();
    expect((await waiting).body).toEqual({ data: [], nextAfter: end });
    await closed;
  });
});

describe('what people wrote', () => {
  test('is only for the service that sends them their mail', async () => {
    const { id: orderId } = await seedOrder(service);
    await service.as(CLIENT).post(`/v1/orders/${orderId}/disputes`, { ...REQUESTS.cancellation, comment: 'Secret 1.' });
    const [dispute] = await readAll(`orderId=${orderId}`);
    await service.as(CLIENT).post(`/v1/disputes/${dispute?.dispute?.id}/comments`, { comment: 'Secret 2.' });
    const without = await service.withScopes('events:read').get(`/v1/events?orderId=${orderId}`);
    expect(without.text).not.toContain('Secret');
    const path = `/v1/events?orderId=${orderId}`;
    const mailer = await service.withScopes('events:read', 'comments:read').get<EventPage>(path);
    expect(mailer.body.data.map(({ comment }) => comment)).toEqual(['Secret 1.', undefined, 'Secret 2.']);
    // The texts stand in their own places and nowhere else.
    expect(mailer.text.match(/Secret/g)).toHaveLength(2);
  });

  test('and the feed itself is not for users, nor for services without its scope', async () => {
    expect(await service.as(CLIENT).get('/v1/events')).toMatchObject({ status: 403, code: 'forbidden' });
    const other = await service.withScopes('comments:read', 'disputes:read').get('/v1/events');
    expect(other).toMatchObject({ status: 403, code: 'forbidden' });
  });
});

test.each(['after=-1', 'after=x', 'types=dispute.lost', 'types=', 'limit=501', 'limit=0', 'wait=31', 'orderId=%20'])(
  'refuses ?%s',
  async (query) => {
    const refused = await service.withScopes('events:read').get(`/v1/events?${query}`);
    expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
  },
);

test('what is committed late comes late, and a reader that was there before does not miss it', async () => {
  const { orderId } = await seedDispute(service, 'cancellation');
  const late = new pg.Client({ connectionString: service.database.url });
  await late.connect();
  await late.query('BEGIN');
  const { rows } = await late.query<{ id: string }>(
    `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause, data)
     SELECT order_id, 3, gen_random_uuid(), 'dispute.comment_added', occurred_at, dispute_id, actor_role, actor_id, cause, data
     FROM log_entries WHERE order_id = $1 AND order_version = 1 RETURNING id`,
    [orderId],
  );
  // A transaction that begins later and commits first.
  const other = await seedDispute(service, 'cancellation');
  const before = await readAll('limit=500');
  expect(before.filter(({ orderId: of }) => of === other.orderId)).toHaveLength(2);
  expect(before.map(({ id }) => id)).not.toContain(rows[0]?.id);
  await late.query('COMMIT');
  await late.end();
  const { data } = await page(`after=${before.at(-1)?.seq}`);
  expect(data.map(({ id }) => id)).toEqual([rows[0]?.id]);
});

test('twenty write and five read at once: each reader sees every event once, all in the same order', async () => {
  const { written, seen } = await runFeed({ seconds: 3, writers: 20, readers: 5 });
  for (const ids of seen) expect(ids).toEqual(written);
});
