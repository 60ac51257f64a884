import type { Pool } from 'pg';
import type { History } from './load.ts';

/** What must never be: a statement that finds nothing. */
interface Invariant {
  readonly name: string;
  readonly breach: 'lost' | 'double' | 'early' | 'undone' | 'inconsistent';
  readonly sql: string;
}

const TERMINAL = `('dispute.accepted', 'dispute.declined', 'dispute.answered', 'dispute.withdrawn', 'dispute.expired',
  'dispute.superseded')`;

export const INVARIANTS: readonly Invariant[] = [
  {
    name: 'no dispute is open past its deadline',
    breach: 'lost',
    sql: `SELECT id::text FROM disputes WHERE status = 'open' AND respond_by < clock_timestamp() - interval '5 seconds'`,
  },
  {
    name: 'a resolved dispute has one end in the log, an open one none',
    breach: 'double',
    sql: `SELECT d.id::text FROM disputes d LEFT JOIN log_entries l ON l.dispute_id = d.id AND l.type IN ${TERMINAL}
      GROUP BY d.id HAVING count(l.id) <> (d.status = 'resolved')::integer`,
  },
  {
    name: "the log of an order counts up without gaps, to the order's version",
    breach: 'inconsistent',
    sql: `SELECT o.id FROM orders o LEFT JOIN log_entries l ON l.order_id = o.id GROUP BY o.id
      HAVING count(l.id) <> o.version OR coalesce(max(l.order_version), 0) <> o.version`,
  },
  {
    name: 'nothing expires before its deadline',
    breach: 'early',
    sql: `SELECT d.id::text FROM disputes d JOIN log_entries l ON l.dispute_id = d.id
      WHERE l.type = 'dispute.expired' AND (l.occurred_at < d.respond_by OR d.resolved_at <> l.occurred_at)`,
  },
  {
    name: 'no answer counts at its deadline or later',
    breach: 'inconsistent',
    sql: `SELECT d.id::text FROM disputes d JOIN log_entries l ON l.dispute_id = d.id
      WHERE l.type IN ${TERMINAL} AND l.type <> 'dispute.expired' AND l.occurred_at >= d.respond_by`,
  },
  {
    name: 'the end in the log is the end of the dispute',
    breach: 'inconsistent',
    sql: `SELECT d.id::text FROM disputes d JOIN log_entries l ON l.dispute_id = d.id
      WHERE l.type IN ${TERMINAL} AND l.type <> 'dispute.' || d.resolution`,
  },
  {
    name: 'an order is cancelled if and only if its cancellation was accepted or met with silence',
    breach: 'inconsistent',
    sql: `SELECT o.id FROM orders o LEFT JOIN disputes d ON d.order_id = o.id AND d.type = 'cancellation'
        AND d.resolution IN ('accepted', 'expired')
      WHERE (o.status = 'mutually_cancelled') <> (d.id IS NOT NULL)`,
  },
  {
    name: 'an order is in dispute if and only if a dispute is open',
    breach: 'inconsistent',
    sql: `SELECT o.id FROM orders o LEFT JOIN disputes d ON d.order_id = o.id AND d.status = 'open'
      WHERE (o.status = 'in_dispute') <> (d.id IS NOT NULL)`,
  },
  {
    name: 'a dispute keeps the parties of its order',
    breach: 'inconsistent',
    sql: `SELECT d.id::text FROM disputes d JOIN orders o ON o.id = d.order_id
      WHERE d.client_id <> o.client_id OR d.freelancer_id <> o.freelancer_id`,
  },
  {
    name: 'a reminder comes once for each dispute, and before its end',
    breach: 'double',
    sql: `SELECT d.id::text FROM disputes d JOIN log_entries l ON l.dispute_id = d.id AND l.type = 'dispute.reminder_due'
      GROUP BY d.id HAVING count(*) > 1 OR max(l.occurred_at) >= d.respond_by`,
  },
];

export interface Breach {
  readonly name: string;
  readonly kind: Invariant['breach'];
  readonly ids: readonly string[];
}

async function askDatabase(admin: Pool): Promise<Breach[]> {
  const breaches: Breach[] = [];
  for (const { name, breach, sql } of INVARIANTS) {
    const { rows } = await admin.query<{ id: string }>({ text: sql });
    if (rows.length > 0) breaches.push({ name, kind: breach, ids: rows.slice(0, 5).map(({ id }) => id) });
  }
  return breaches;
}

async function askClients(admin: Pool, history: History): Promise<Breach[]> {
  const { rows } = await admin.query<{ id: string; order: string; resolution: string | null }>(
    'SELECT id::text, order_id AS order, resolution FROM disputes',
  );
  const resolutions = new Map(rows.map(({ id, resolution }) => [id, resolution]));
  const undone = history.acknowledged.filter(({ disputeId, resolution }) => resolutions.get(disputeId) !== resolution);
  const lost = [...history.opened.values()].filter((id) => !resolutions.has(id));
  const perOrder = new Map<string, number>();
  for (const { order } of rows) perOrder.set(order, (perOrder.get(order) ?? 0) + 1);
  const doubled = [...perOrder].filter(([, count]) => count > 1).map(([order]) => order);
  const all: Breach[] = [
    { name: 'what a client was told is what happened', kind: 'undone', ids: undone.map(({ disputeId }) => disputeId) },
    { name: 'a dispute whose opening was acknowledged is there', kind: 'lost', ids: lost },
    { name: 'one key opens one dispute', kind: 'double', ids: doubled },
    { name: 'no answer contradicts another', kind: 'inconsistent', ids: history.contradictions },
  ];
  return all.filter(({ ids }) => ids.length > 0);
}

/** Everything that is not as it must be. */
export async function findBreaches(admin: Pool, history: History): Promise<Breach[]> {
  return [...(await askDatabase(admin)), ...(await askClients(admin, history))];
}
