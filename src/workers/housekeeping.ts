import type { Logger } from 'pino';
import { continueErasures, eraseExpired } from '../erasures/erasures.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type Database, withTx } from '../platform/postgres/database.ts';
import { forgetOldKeys } from '../store/idempotency.ts';
import { backlog, forgetDeliveries, purgeRemoved } from '../webhooks/store/deliveries.ts';
import { type Loop, startLoop } from './loop.ts';

const INTERVAL_MS = 60_000;
const KEYS_AT_ONCE = 1_000;
const BATCHES = 10;
const DELIVERIES_AT_ONCE = 1_000;
const DELIVERIES_KEPT_MS = 30 * 24 * 60 * 60 * 1_000;

interface HousekeepingDeps {
  readonly db: Database;
  readonly metrics: Metrics;
  readonly retentionMs: number | null;
  readonly log: Logger;
}

/**
 * Does one round: forgets idempotency keys that are past their 24 hours, webhook deliveries that have been over for 30 days
 * and those of removed endpoints, and erases comments whose time has come.
 */
export async function keepHouse({ db, metrics, retentionMs, log }: HousekeepingDeps): Promise<'more' | 'done'> {
  const forgotten = await withTx(db, (tx) => forgetOldKeys(tx, KEYS_AT_ONCE));
  const deliveries = await withTx(db, (tx) => forgetDeliveries(tx, DELIVERIES_KEPT_MS, DELIVERIES_AT_ONCE));
  const isPurging = await withTx(db, (tx) => purgeRemoved(tx, DELIVERIES_AT_ONCE));
  const { oldestAgeS, disabled } = await backlog(db);
  metrics.webhookOldestAge.set(oldestAgeS);
  metrics.webhookEndpointsDisabled.set(disabled);
  const requested = await continueErasures(db, BATCHES);
  const expired = retentionMs === null ? 0 : await eraseExpired(db, retentionMs, BATCHES);
  if (requested + expired > 0) log.info({ requested, expired }, 'comments were erased');
  const isFull = forgotten === KEYS_AT_ONCE || deliveries === DELIVERIES_AT_ONCE || isPurging;
  return isFull || requested + expired > 0 ? 'more' : 'done';
}

/** Keeps house once a minute. */
export function startHousekeeping(deps: HousekeepingDeps): Loop {
  return startLoop({ name: 'housekeeping', intervalMs: INTERVAL_MS, log: deps.log }, () => keepHouse(deps));
}
