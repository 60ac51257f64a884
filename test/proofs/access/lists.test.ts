import { beforeAll, describe, expect, test } from 'vitest';
import { SORTS } from '../../../src/store/lists/listing.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute } from '../../harness/types.ts';

interface Page {
  readonly data: readonly Dispute[];
  readonly nextCursor: string | null;
}

/** Two people who never met; each has five hundred disputes with others, half of them as client, half as freelancer. */
const PEOPLE = ['user-a', 'user-b'] as const;
const EACH = 500;

let service: Service;

// Every type and resolution, open and not, with instants that are the same for both, so that an order by time mixes them.
const SEED = `
  WITH n AS MATERIALIZED (
    SELECT n, $1::text AS me, gen_random_uuid() AS id, $1 || '-order-' || n AS order_id,
      CASE WHEN n % 2 = 0 THEN $1 ELSE 'other-' || n END AS client_id,
      CASE WHEN n % 2 = 0 THEN 'other-' || n ELSE $1 END AS freelancer_id,
      (ARRAY['order_update', 'cancellation', 'order_change'])[1 + n % 3] AS type,
      (ARRAY[NULL, 'accepted', 'declined', 'answered', 'withdrawn', 'superseded', 'expired'])[1 + n % 7] AS resolution,
      '2026-01-01T00:00:00Z'::timestamptz + n / 4 * interval '1 minute' AS opened_at
    FROM generate_series(1, $2::integer) AS n),
  facts AS MATERIALIZED (
    SELECT *, CASE WHEN type = 'order_change' THEN 'freelancer' ELSE 'client' END AS opener,
      CASE WHEN resolution IS NULL THEN clock_timestamp() + interval '10 days' ELSE opened_at + interval '2 days' END AS respond_by
    FROM n),
  o AS (
    INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency, revision,
      version, created_at, updated_at)
    SELECT order_id, client_id, freelancer_id, CASE WHEN resolution IS NULL THEN 'in_dispute' ELSE 'in_progress' END,
      'in_progress', 100, 'USD', 1, 0, opened_at, opened_at FROM facts)
  INSERT INTO disputes (id, order_id, client_id, freelancer_id, type, status, opener_role, comment, change, opened_at,
    updated_at, respond_by, deadline_seq, resolution, resolved_by_role, resolved_by_id, resolved_at, version)
  SELECT id, order_id, client_id, freelancer_id, type, CASE WHEN resolution IS NULL THEN 'open' ELSE 'resolved' END, opener,
    'of ' || me, CASE WHEN type = 'order_change' THEN '{"deliverBy": null, "extras": []}'::jsonb END, opened_at,
    coalesce(resolved_at, opened_at), respond_by, 1, resolution, resolved_by_role,
    CASE WHEN resolved_by_role = 'system' THEN NULL ELSE client_id END, resolved_at, 1
  FROM (SELECT *, CASE WHEN resolution = 'expired' THEN respond_by WHEN resolution IS NOT NULL THEN opened_at + interval '1 hour'
      END AS resolved_at,
    CASE WHEN resolution = 'expired' THEN 'system' WHEN resolution = 'superseded' THEN 'order_service'
      WHEN resolution IS NOT NULL THEN 'client' END AS resolved_by_role FROM facts) AS whole`;

beforeAll(async () => {
  service = await startService();
  for (const person of PEOPLE) await service.database.query(SEED, [person, EACH]);
});

const FILTERS: Readonly<Record<string, (dispute: Dispute, me: string) => boolean>> = {
  '': () => true,
  'status=open': ({ status }) => status === 'open',
  'status=resolved': ({ status }) => status === 'resolved',
  'type=order_update': ({ type }) => type === 'order_update',
  'type=cancellation': ({ type }) => type === 'cancellation',
  'type=order_change': ({ type }) => type === 'order_change',
  ...Object.fromEntries(
    ['accepted', 'declined', 'answered', 'withdrawn', 'superseded', 'expired'].map((resolution) => [
      `resolution=${resolution}`,
      (dispute: Dispute) => dispute.resolution === resolution,
    ]),
  ),
  'awaiting=me': ({ status, respondent }, me) => status === 'open' && respondent.id === me,
  'awaiting=client': ({ awaiting }) => awaiting === 'client',
  'awaiting=freelancer': ({ awaiting }) => awaiting === 'freelancer',
  'respondByBefore=2026-01-03T01:00:00Z': ({ respondBy }) => respondBy < '2026-01-03T01:00:00.000Z',
  'updatedAfter=2026-01-01T02:00:00Z': ({ updatedAt }) => updatedAt >= '2026-01-01T02:00:00.000Z',
  'status=open&type=cancellation&awaiting=me': (dispute, me) =>
    dispute.status === 'open' && dispute.type === 'cancellation' && dispute.respondent.id === me,
};

const belongsTo = (person: string) => (dispute: Dispute) =>
  [dispute.opener.id, dispute.respondent.id].includes(person) &&
  dispute.orderId.startsWith(`${person}-`) &&
  dispute.comment === `of ${person}`;

async function pageOf(person: string, query: string): Promise<Page> {
  return (await service.as(person).get<Page>(`/v1/disputes?${query}`)).body;
}

async function allOf(person: string, query: string): Promise<Dispute[]> {
  const found: Dispute[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page = await pageOf(person, `${query}&limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`);
    found.push(...page.data);
    cursor = page.nextCursor;
  }
  return found;
}

describe('of a thousand disputes of two people', () => {
  test.each(SORTS)('each sees its own five hundred and no other by %s, under every filter', async (sort) => {
    for (const person of PEOPLE) {
      const all = await allOf(person, `sort=${sort}`);
      expect([all.length, all.every(belongsTo(person))]).toEqual([EACH, true]);
      for (const [filter, wanted] of Object.entries(FILTERS)) {
        const found = await allOf(person, `sort=${sort}&${filter}`);
        expect(found.every(belongsTo(person))).toBe(true);
        const ids = (disputes: readonly Dispute[]) => new Set(disputes.map(({ id }) => id));
        expect([filter, ids(found)]).toEqual([filter, ids(all.filter((dispute) => wanted(dispute, person)))]);
        expect(found.length).toBe(ids(found).size);
      }
    }
  });

  test.each(SORTS)("the cursor of another's list by %s is none", async (sort) => {
    const [one, other] = PEOPLE;
    const { nextCursor } = await pageOf(one, `sort=${sort}&limit=50`);
    expect(nextCursor).not.toBeNull();
    expect((await service.as(one).get(`/v1/disputes?sort=${sort}&cursor=${nextCursor}`)).status).toBe(200);
    expect((await service.as(other).get(`/v1/disputes?sort=${sort}&cursor=${nextCursor}`)).status).toBe(400);
  });

  test('asking for those of another user is refused, or finds nothing', async () => {
    const [one, other] = PEOPLE;
    expect((await service.as(one).get(`/v1/disputes?partyId=${other}`)).status).toBe(400);
    expect((await service.as(one).get(`/v1/disputes?partyId=${one}&partyId=${other}`)).status).toBe(400);
    expect((await pageOf(one, `orderId=${other}-order-1`)).data).toEqual([]);
    expect((await service.as(one).get(`/v1/orders/${other}-order-1/disputes`)).status).toBe(404);
  });

  test('a service sees all of them, without comments', async () => {
    const support = service.withScopes('disputes:read');
    const page = (await support.get<Page>('/v1/disputes?limit=100')).body;
    expect(new Set(page.data.map(({ orderId }) => orderId.slice(0, 6)))).toEqual(new Set(PEOPLE));
    expect(page.data.filter((dispute) => 'comment' in dispute || 'viewer' in dispute)).toEqual([]);
    const ofOne = (await support.get<Page>(`/v1/disputes?partyId=${PEOPLE[0]}&limit=100`)).body;
    expect(ofOne.data.every(({ orderId }) => orderId.startsWith(`${PEOPLE[0]}-`))).toBe(true);
  });
});
