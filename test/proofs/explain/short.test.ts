import { sql } from 'drizzle-orm';
import pg from 'pg';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { anyUncounted, releasedDisputes } from '../../../src/store/due/released.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { createDatabase } from '../../harness/database.ts';
import { type AccessPath, listings, reads, work } from './paths.ts';
import { explain } from './plans.ts';
import { A_CLIENT, BIG_CLIENT, seed } from './seed.ts';

// So few that PostgreSQL looks at each of them when it counts what there is: the same plans come of it every time.
const DISPUTES = 20_000;
// A plan takes little, but there are hundreds of them, and other tests run beside.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });
// Batches so large, beside so few rows, that to look at all of them is right.
const BATCHES = ['comments to be erased by age', 'settling what is overdue', 'deliveries to be forgotten'];

// What the pages of `listings` have, and one more.
const PAGE = 101;

const now = Date.now();
const listingsOf = (who: string) => listings(now).filter(({ name }) => name.startsWith(`${who} `));
let client: pg.Client;

beforeAll(async () => {
  client = new pg.Client({ connectionString: (await createDatabase()).url });
  await client.connect();
  onCleanup(() => client.end());
  await seed(client, DISPUTES, () => {});
});

/** What one way to the rows came to: the tables that it read from end to end, and the rows that it looked at for a page. */
async function look({ name, run }: AccessPath) {
  const plans = await explain(client, run);
  const scanned = plans.flatMap(({ sequential }) => sequential).filter((table) => table !== 'timers');
  return { name, scanned, examined: Math.max(0, ...plans.map(({ examined }) => examined)) };
}

async function lookAtAll(paths: readonly AccessPath[]) {
  const looks = [];
  for (const path of paths) looks.push(await look(path));
  return looks;
}

describe('with twenty thousand disputes', () => {
  test.each([
    ['list of a user', listingsOf('user')],
    ['list of a big user', listingsOf('big user')],
    ['list of a service', listingsOf('service')],
    ['read', reads(now)],
    ['worker', work(now)],
  ])('no %s reads disputes, orders or the log from end to end', async (_what, paths) => {
    const looks = await lookAtAll(paths.filter(({ name }) => !BATCHES.includes(name)));
    expect(looks.filter(({ scanned }) => scanned.length > 0)).toEqual([]);
  });

  test.each([
    ['user', 50],
    ['big user', 1_000],
  ])('the list of a %s looks at no more than its own disputes, whatever is asked for', async (who, own) => {
    const looks = await lookAtAll(listingsOf(who));
    // Once to find them, once more to take them where an index has told which they are, and the order of each on the page.
    const atMost = 2 * own + Math.min(own, PAGE);
    expect(looks.filter(({ examined }) => examined > atMost)).toEqual([]);
  });

  test('the summary of a user looks at no more than its open disputes, however many it has had', async () => {
    const looks = await lookAtAll(reads(now).filter(({ name }) => name.startsWith('the summary')));
    const open = async (user: string) =>
      (await client.query(`SELECT 1 FROM disputes WHERE status = 'open' AND $1 IN (client_id, freelancer_id)`, [user]))
        .rowCount;
    const own = [await open(A_CLIENT), await open(BIG_CLIENT)];
    expect(looks.map(({ examined }, index) => examined <= (own[index] ?? 0))).toEqual([true, true]);
  });

  test.each([
    ['all disputes', null, 2],
    ['no open dispute', 'order-elsewhere', 32],
  ])(
    'the release of a hold of %s looks at no more open disputes than each statement may',
    async (_of, orderId, steps) => {
      const lookedAt = 100;
      const orderIds = orderId === null ? sql`NULL` : sql`ARRAY[${orderId}]`;
      const plans = await explain(client, async (db) => {
        await db.query.execute(sql`
        INSERT INTO holds (id, order_ids, note, created_by, since, created_at, released_by, released_at)
        SELECT gen_random_uuid(), ${orderIds}, '', 'ops', now() - interval '9 hours', now() - interval '9 hours', 'ops', now()`);
        await releasedDisputes(db, lookedAt / 2, null, lookedAt);
        await anyUncounted(db, lookedAt);
      });
      const [, ...looks] = plans;
      // A fifth of the last disputes of the orders is open. Each step but the first finds the dispute behind which it begins.
      expect(looks.length).toBeGreaterThanOrEqual(steps);
      expect(Math.max(...looks.map(({ examined }) => examined))).toBeLessThanOrEqual(lookedAt + 1);
    },
  );

  test("a page of the events of a user's orders looks at no more events than two pages have", async () => {
    const looks = await lookAtAll(reads(now).filter(({ name }) => /^the feed, of a (big )?user/.test(name)));
    expect(looks).toHaveLength(5);
    // One page for each role.
    expect(looks.filter(({ examined }) => examined > 2 * 100)).toEqual([]);
  });
});
