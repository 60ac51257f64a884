import type { Pool } from 'pg';
import type { Held, History } from './history.ts';
import { askDatabase, type Breach } from './invariants.ts';

interface Row {
  readonly id: string;
  readonly orderId: string;
  readonly resolution: string | null;
  readonly comments: number;
}

async function expiredWhileHeld(admin: Pool, { type, orderIds, from, until }: Held): Promise<string[]> {
  const { rows } = await admin.query<{ id: string }>(
    `SELECT d.id::text FROM disputes d WHERE d.resolution = 'expired'
       AND d.resolved_at BETWEEN to_timestamp($1) AND to_timestamp($2) AND d.respond_by > to_timestamp($1)
       AND ($3::text IS NULL OR d.type = $3) AND ($4::text[] IS NULL OR d.order_id = ANY ($4))`,
    [from / 1_000, until / 1_000, type, orderIds],
  );
  return rows.map(({ id }) => id);
}

function wrongDisputes(rows: readonly Row[], history: History): Breach[] {
  const known = new Map(rows.map((row) => [row.id, row]));
  const undone = history.acknowledged.filter(
    ({ disputeId, resolution }) => known.get(disputeId)?.resolution !== resolution,
  );
  const reopened = history.refusedAsResolved.filter((id) =>
    [null, undefined, 'expired'].includes(known.get(id)?.resolution),
  );
  const perOrder = new Map<string, number>();
  for (const { orderId } of rows) perOrder.set(orderId, (perOrder.get(orderId) ?? 0) + 1);
  return [
    { name: 'what a client was told is what happened', kind: 'undone', ids: undone.map(({ disputeId }) => disputeId) },
    { name: 'what was refused as resolved is resolved', kind: 'undone', ids: reopened },
    {
      name: 'a comment that was acknowledged is in the log once',
      kind: 'undone',
      ids: history.commented.filter((id) => known.get(id)?.comments !== 1),
    },
    {
      name: 'a dispute whose opening was acknowledged is there',
      kind: 'lost',
      ids: [...history.opened.values()].filter((id) => !known.has(id)),
    },
    {
      name: 'one key opens one dispute',
      kind: 'double',
      ids: [...perOrder].filter(([, count]) => count > 1).map(([orderId]) => orderId),
    },
  ];
}

/** Whatever clients were told, compared with what is in the database in the end. */
async function askClients(admin: Pool, history: History): Promise<Breach[]> {
  const { rows } = await admin.query<Row>(
    `SELECT d.id::text, d.order_id AS "orderId", d.resolution, count(l.id)::integer AS comments FROM disputes d
     LEFT JOIN log_entries l ON l.dispute_id = d.id AND l.type = 'dispute.comment_added' GROUP BY d.id`,
  );
  const reported = `jsonb_to_recordset($1::jsonb) AS r("orderId" text, status text, "deliverBy" timestamptz, currency text)`;
  const undone = await admin.query<{ id: string }>(
    `SELECT o.id FROM ${reported} JOIN orders o ON o.id = r."orderId"
     WHERE o.reported_status <> r.status OR o.revision <> 2 OR o.price_currency <> r.currency
       OR o.reported_deliver_by IS DISTINCT FROM r."deliverBy"`,
    [JSON.stringify(history.reported)],
  );
  const unlogged = await admin.query<{ id: string }>(
    `SELECT r."orderId" AS id FROM ${reported} WHERE (r.currency <> 'USD' AND NOT EXISTS (
         SELECT 1 FROM log_entries l WHERE l.order_id = r."orderId" AND l.type = 'order.details_changed'
           AND l.data->'previous'->'price'->>'currency' = 'USD'))
       OR (r."deliverBy" IS NOT NULL AND NOT EXISTS (
         SELECT 1 FROM log_entries l WHERE l.order_id = r."orderId" AND l.type = 'order.delivery_date_changed'
           AND to_timestamp((l.data->'order'->>'deliverBy')::float8 / 1000) = r."deliverBy"))`,
    [JSON.stringify(history.reported)],
  );
  const held = (await Promise.all(history.held.map((period) => expiredWhileHeld(admin, period)))).flat();
  const all: Breach[] = [
    ...wrongDisputes(rows, history),
    { name: 'a report that was acknowledged stays', kind: 'undone', ids: undone.rows.map(({ id }) => id) },
    { name: 'what a report changed is in the log', kind: 'lost', ids: unlogged.rows.map(({ id }) => id) },
    { name: 'nothing expires while it is held', kind: 'early', ids: held },
    { name: 'no answer contradicts another', kind: 'inconsistent', ids: history.contradictions },
    { name: 'who insists gets an answer', kind: 'lost', ids: history.unanswered },
  ];
  return all
    .filter(({ ids }) => ids.length > 0)
    .map(({ ids, name, kind }) => ({ name: `${name} (${ids.length})`, kind, ids: ids.slice(0, 5) }));
}

/** Only who asks for what cannot be written may be told that something broke. */
function brokenAnswers({ broken }: History, poisoned: readonly string[]): Breach[] {
  const ids = broken.filter((path) => !path.split('/').some((part) => poisoned.includes(part)));
  const name = `no answer is 500 (${ids.length})`;
  return ids.length === 0 ? [] : [{ name, kind: 'inconsistent', ids: ids.slice(0, 5) }];
}

/**
 * Everything that is not as promised, in the database and between it and its clients.
 * @param poisoned disputes and orders that could not be written for a time
 */
export async function findBreaches(admin: Pool, history: History, poisoned: readonly string[] = []): Promise<Breach[]> {
  return [...(await askDatabase(admin)), ...(await askClients(admin, history)), ...brokenAnswers(history, poisoned)];
}
