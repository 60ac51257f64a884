import type { TestDatabase } from '../../harness/database.ts';

/** What must not be, for one order, whatever raced: each statement finds nothing. */
const FAULTS: Readonly<Record<string, string>> = {
  'the log has gaps or does not end with the order':
    'SELECT 1 FROM orders o WHERE id = $1 AND version <> (SELECT count(*) FROM log_entries WHERE order_id = o.id)',
  'the log goes back in time': `SELECT 1 FROM log_entries a JOIN log_entries b
    ON b.order_id = a.order_id AND b.order_version = a.order_version + 1
    WHERE a.order_id = $1 AND b.occurred_at < a.occurred_at`,
  'the ends in the log are not the end of the dispute': `SELECT 1 FROM disputes d WHERE order_id = $1 AND
    coalesce((SELECT string_agg(type, ' ') FROM log_entries l WHERE l.dispute_id = d.id AND type IN ('dispute.accepted',
      'dispute.declined', 'dispute.answered', 'dispute.withdrawn', 'dispute.expired', 'dispute.superseded')), '')
    <> coalesce('dispute.' || resolution, '')`,
  'an end lies on the wrong side of the deadline': `SELECT 1 FROM disputes WHERE order_id = $1 AND status = 'resolved'
    AND (resolution = 'expired') <> (resolved_at >= respond_by)`,
  'what happened is not dated as it was decided': `SELECT 1 FROM disputes d JOIN log_entries l ON l.dispute_id = d.id
    WHERE d.order_id = $1 AND l.type = 'dispute.' || d.resolution AND l.occurred_at <> d.resolved_at`,
  'the order has a status that its disputes do not explain': `SELECT 1 FROM orders o WHERE id = $1 AND status <> CASE
    WHEN EXISTS (SELECT 1 FROM disputes d WHERE d.order_id = o.id AND type = 'cancellation'
      AND resolution IN ('accepted', 'expired')) THEN 'mutually_cancelled'
    WHEN EXISTS (SELECT 1 FROM disputes d WHERE d.order_id = o.id AND d.status = 'open') THEN 'in_dispute'
    ELSE reported_status END`,
  'an open dispute has no timer, a resolved one has': `SELECT 1 FROM disputes d WHERE order_id = $1 AND
    coalesce((SELECT array_agg(seq) FROM timers t WHERE t.dispute_id = d.id AND due_at IS NOT NULL), '{}')
    <> CASE WHEN status = 'open' THEN ARRAY[deadline_seq] ELSE '{}'::integer[] END`,
};

const SQL = `SELECT name FROM (VALUES ${Object.entries(FAULTS)
  .map(([name, sql]) => `('${name}', EXISTS (${sql}))`)
  .join(', ')}) AS fault(name, is_so) WHERE is_so`;

/** Everything that is wrong with an order, its disputes, log and timers. */
export async function faultsOf(database: TestDatabase, orderId: string): Promise<string[]> {
  return (await database.query<{ name: string }>(SQL, [orderId])).map(({ name }) => name);
}
