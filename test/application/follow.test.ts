import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { POLL_MS, sequenceLog } from '../../src/application/feed/feed.ts';
import { type Following, type FollowRequest, follow } from '../../src/application/feed/follow.ts';
import { createLiveFeed, type LiveFeed } from '../../src/application/feed/live-feed.ts';
import { readFeed } from '../../src/store/feed.ts';
import { appendEntries } from '../harness/log-entries.ts';
import { startProxy } from '../harness/programs/proxy.ts';
import { anOrderReport, CLIENT, seedDispute, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';

let service: Service;
let liveFeed: LiveFeed;

beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
  liveFeed = createLiveFeed(service.deps.write.db, () => {});
});

const LONG_MS = 60_000;

async function begin(orderId: string, over: Partial<FollowRequest> = {}, { deps } = service, feed = liveFeed) {
  const limits = { quietMs: LONG_MS, maxQueuedBytes: 1_000_000 };
  const rendering = { render: ({ type }: { type: string }) => type, refresh: 'refresh' };
  const request = { topic: { orderId }, after: null, ...limits, ...rendering, ...over };
  const following = await follow(deps.write.db, feed, request);
  if ('logEnd' in following) throw new Error('the position lies beyond the end of the log');
  return following;
}

async function read({ entries }: Following, count: number): Promise<(string | null | undefined)[]> {
  const found: (string | null | undefined)[] = [];
  while (found.length < count) found.push((await entries.next()).value ?? undefined);
  return found;
}

/** The same, but for what has not come after a time in which nothing came. */
async function readUntilQuiet({ entries }: Following, count: number): Promise<string[]> {
  const found: string[] = [];
  for (let next = await entries.next(); typeof next.value === 'string'; next = await entries.next()) {
    found.push(next.value);
    if (found.length === count) break;
  }
  return found;
}

const OPENED = ['dispute.opened', 'order.status_changed'];

describe('those who follow orders', () => {
  test('hear of their own, and one who stops does not stop the others', async () => {
    const { id: orderId } = await seedOrder(service);
    const { id: other } = await seedOrder(service);
    const [one, two, three] = await Promise.all([begin(orderId), begin(orderId), begin(other)]);
    await seedDispute(service, 'cancellation', { orderId });
    expect(await read(one, 2)).toEqual(OPENED);
    one.end('lifetime');
    expect(await one.entries.next()).toEqual({ done: true, value: 'lifetime' });
    const { id } = await seedDispute(service, 'order_update', { orderId: other });
    expect(await read(three, 2)).toEqual(OPENED);
    await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
    expect(await read(three, 1)).toEqual(['dispute.withdrawn']);
    expect(await read(two, 2)).toEqual(OPENED);
    for (const following of [two, three]) following.end('lifetime');
  });

  test('end together with what they wait for', async () => {
    const { id: orderId } = await seedOrder(service);
    const following = await begin(orderId);
    const waiting = following.entries.next();
    following.end('shutdown');
    following.end('lifetime');
    expect(await waiting).toEqual({ done: true, value: 'shutdown' });
    expect(await following.ended).toBe('shutdown');
  });

  test('who cannot keep up are ended, and lose nothing: it is all there behind their position', async () => {
    const { id: orderId } = await seedOrder(service);
    const slow = await begin(orderId, { maxQueuedBytes: 20 });
    const quick = await begin(orderId);
    await seedDispute(service, 'cancellation', { orderId });
    expect(await read(quick, 2)).toEqual(OPENED);
    expect(await slow.ended).toBe('too_slow');
    expect(await slow.entries.next()).toEqual({ done: true, value: 'too_slow' });
    const again = await begin(orderId, { after: slow.position });
    expect(await read(again, 2)).toEqual(OPENED);
    for (const following of [slow, quick, again]) following.end('lifetime');
  });

  test('read what was before and what comes while they do as one, without a seam', async () => {
    const { orderId, id } = await seedDispute(service, 'cancellation');
    const comment = () => service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'And?' });
    for (let count = 0; count < 60; count += 1) await comment();
    const following = await begin(orderId, { after: 0, render: ({ orderVersion }) => String(orderVersion) });
    const first = await read(following, 10);
    await comment();
    const other = await begin(orderId);
    await comment();
    // By now what has come meanwhile waits beside what has not been read yet.
    await other.entries.next();
    const rest = await read(following, 54);
    await comment();
    const last = await read(following, 1);
    expect([...first, ...rest, ...last]).toEqual(Array.from({ length: 65 }, (_, index) => String(index + 1)));
    for (const one of [following, other]) one.end('lifetime');
  });

  test('read an entry once that the log has already and that comes live as well', async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const { db } = service.deps.write;
    await sequenceLog(db);
    const { rows } = await readFeed(db, { after: 0, orderId, limit: 100 });
    expect(rows).toHaveLength(2);
    const position = rows.at(-1)?.seq ?? 0;
    const feed: LiveFeed = {
      subscribe: async ({ take }) => {
        for (const row of rows) take(row);
        return { position, end: () => {} };
      },
    };
    const following = await begin(orderId, { after: 0, quietMs: 1 }, service, feed);
    expect(await readUntilQuiet(following, 2 * rows.length)).toEqual(rows.map(({ type }) => type));
    following.end('lifetime');
  });

  test.each([499, 500, 501, 1_700])('hear of all %i entries that come at once, page by page', async (count) => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const render: FollowRequest['render'] = ({ orderVersion }) => String(orderVersion);
    const following = await begin(orderId, { render, quietMs: 15_000 });
    await appendEntries(service.database, orderId, count);
    const [first, ...rest] = await readUntilQuiet(following, count);
    const begun = Number(first);
    expect(rest).toEqual(Array.from({ length: count - 1 }, (_, index) => String(begun + index + 1)));
    following.end('lifetime');
  });

  test.each([49, 50, 51, 160])('read all %i entries that were before them, page by page', async (count) => {
    const { orderId } = await seedDispute(service, 'cancellation');
    await appendEntries(service.database, orderId, count - OPENED.length);
    await sequenceLog(service.deps.write.db);
    const following = await begin(orderId, { after: 0, render: ({ orderVersion }) => String(orderVersion) });
    expect(await read(following, count)).toEqual(Array.from({ length: count }, (_, index) => String(index + 1)));
    following.end('lifetime');
  });

  test('miss nothing where they come while the log is being read for others', async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const { id: other } = await seedOrder(service);
    const before = await begin(other);
    const writer = await service.deps.write.db.pool.connect();
    await writer.query('BEGIN; LOCK TABLE log_entries');
    await waitFor('the reader is held up', async () => {
      const held = 'SELECT 1 FROM pg_stat_activity WHERE wait_event_type = $1 AND datname = current_database()';
      return (await service.database.query(held, ['Lock'])).length > 0;
    });
    const coming = begin(orderId, { render: ({ seq }) => String(seq) });
    await writer.query(
      `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause, data)
       SELECT order_id, 1000, gen_random_uuid(), 'dispute.comment_added', clock_timestamp(), dispute_id, actor_role, actor_id,
         cause, data FROM log_entries WHERE order_id = $1 AND order_version = 1`,
      [orderId],
    );
    await writer.query('COMMIT');
    writer.release();
    const newcomer = await coming;
    await service
      .withScopes('orders:write')
      .put(`/v1/orders/${orderId}`, anOrderReport({ revision: 2, deliverBy: null }));
    await waitFor('it is numbered', async () => {
      const numbered = 'SELECT 1 FROM log_entries WHERE order_id = $1 AND order_version = 3 AND seq IS NOT NULL';
      return (await service.database.query(numbered, [orderId])).length > 0;
    });
    const expected = await service.database.query<{ seq: string }>(
      'SELECT seq::text FROM log_entries WHERE order_id = $1 AND seq > $2 ORDER BY seq',
      [orderId, newcomer.position],
    );
    expect(await read(newcomer, expected.length)).toEqual(expected.map(({ seq }) => seq));
    for (const following of [before, newcomer]) following.end('lifetime');
  });

  test('are not kept from it by one for whom it cannot be written out', async () => {
    const { id: orderId } = await seedOrder(service);
    const broken = await begin(orderId, {
      render: () => {
        throw new Error('not like this');
      },
    });
    const well = await begin(orderId);
    await seedDispute(service, 'cancellation', { orderId });
    expect(await read(well, 2)).toEqual(OPENED);
    await expect(broken.entries.next()).rejects.toThrow('not like this');
    for (const following of [broken, well]) following.end('lifetime');
  });

  test('wait while the database is away, and then hear what they missed', async () => {
    const proxy = await startProxy(service.database.url);
    const away = await startService({ database: service.database, databaseUrl: proxy.url });
    const failures: unknown[] = [];
    const feed = createLiveFeed(away.deps.write.db, (error) => failures.push(error));
    const { id: orderId } = await seedOrder(service);
    const following = await begin(orderId, {}, away, feed);
    proxy.cut();
    await waitFor('it is noticed', () => failures.length > 0);
    await seedDispute(service, 'cancellation', { orderId });
    await expect(
      begin(
        orderId,
        { after: 0 },
        away,
        createLiveFeed(away.deps.write.db, () => {}),
      ),
    ).rejects.toThrow();
    proxy.restore();
    expect(await read(following, 2)).toEqual(OPENED);
    expect(failures).toHaveLength(1);
    following.end('lifetime');
  });
});

test('all are ended when the log loses what they have passed, since it was restored from a backup', async () => {
  const other = await startService({ env: { REMINDERS: 'none' } });
  const feed = createLiveFeed(other.deps.write.db, () => {});
  const { orderId } = await seedDispute(other, 'cancellation');
  const ofOrder = await begin(orderId, {}, other, feed);
  const ofUser = await begin(orderId, { topic: { partyId: CLIENT } }, other, feed);
  await other.database.query('DELETE FROM log_entries WHERE order_version = 2');
  expect(await Promise.all([ofOrder.ended, ofUser.ended])).toEqual(['log_restored', 'log_restored']);
  const again = {
    topic: { orderId },
    after: ofOrder.position,
    render: String,
    refresh: '',
    quietMs: LONG_MS,
    maxQueuedBytes: 1,
  };
  expect(await follow(other.deps.write.db, feed, again)).toEqual({ logEnd: 1 });
});

test('one reader reads the log for all followers, and none reads it without followers', async () => {
  const other = await startService({ database: service.database });
  const { db } = other.deps.write;
  const feed = createLiveFeed(db, () => {});
  let asked = 0;
  db.pool.on('acquire', () => {
    asked += 1;
  });
  const rest = async () => {
    const before = asked;
    await sleep(3 * POLL_MS);
    return asked === before;
  };
  const { id: orderId } = await seedOrder(service);
  const first = await begin(orderId, {}, other, feed);
  const before = asked;
  const others = await Promise.all(Array.from({ length: 20 }, () => begin(orderId, {}, other, feed)));
  // They ask for nothing themselves; the one reader may have had a turn.
  expect(asked - before).toBeLessThan(10);
  await seedDispute(service, 'cancellation', { orderId });
  for (const following of [first, ...others]) expect(await read(following, 2)).toEqual(OPENED);
  for (const following of [first, ...others]) following.end('lifetime');
  await waitFor('no query runs any more', rest);
  const late = await begin(orderId, { after: first.position }, other, feed);
  expect(await read(late, 2)).toEqual(OPENED);
  late.end('lifetime');
});
