import type { Metrics } from '../metrics/metrics.ts';
import { type Database, withTx } from '../platform/postgres/database.ts';
import { backlog, forgetDeliveries, purgeRemoved } from './store/deliveries.ts';

const AT_ONCE = 1_000;
const KEPT_MS = 30 * 24 * 60 * 60 * 1_000;

/**
 * Deletes a batch of deliveries that have been over for 30 days, and one of those of removed endpoints; measures what is
 * still owed.
 * @returns whether there may be more to delete
 */
export async function keepDeliveries(db: Database, metrics: Metrics): Promise<'more' | 'done'> {
  const forgotten = await withTx(db, (tx) => forgetDeliveries(tx, KEPT_MS, AT_ONCE));
  const isPurging = await withTx(db, (tx) => purgeRemoved(tx, AT_ONCE));
  const { oldestAgeS, disabled } = await backlog(db);
  metrics.webhookOldestAge.set(oldestAgeS);
  metrics.webhookEndpointsDisabled.set(disabled);
  return forgotten === AT_ONCE || isPurging ? 'more' : 'done';
}
