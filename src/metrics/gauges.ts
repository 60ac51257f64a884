import { Gauge, type Registry } from 'prom-client';
import type { WorkersLook } from '../application/heartbeats/watch.ts';
import { type Database, withTx } from '../platform/postgres/database.ts';
import type { PostgresState } from '../platform/postgres/postgres-health.ts';
import { type RedisState, RedisUnusableError } from '../platform/redis/redis-state.ts';
import { countActiveHolds } from '../store/holds.ts';
import { limitStatements, readLag } from '../store/lag.ts';
import { createProbe, type Probe, type ProbeTiming } from './probes.ts';

/** What the gauges are read from. */
export interface Measured {
  readonly db: Database;
  readonly lookAtPostgres: () => Promise<PostgresState>;
  readonly lookAtRedis: () => Promise<RedisState>;
  /** Null in a process that is a worker alone. */
  readonly lookAtWorkers: (() => Promise<WorkersLook>) | null;
  /** Jobs in the queue by state; it rejects within seconds if Redis is away. */
  readonly countJobs: () => Promise<Readonly<Record<string, number>>>;
}

const COUNTED_UP_TO = 10_000;
const STATEMENT_MS = 1_000;

/** A gauge that shows nothing until it is set: 0 would be a claim. */
function unknownYet(registry: Registry, name: string, help: string) {
  const gauge = new Gauge({ name, help, registers: [registry] });
  gauge.remove();
  return { show: (value: number) => gauge.set(value), hide: () => gauge.remove() };
}

function upGauge(
  registry: Registry,
  name: string,
  help: string,
  ping: () => Promise<unknown>,
  timing: ProbeTiming,
): Probe {
  const gauge = unknownYet(registry, name, help);
  return createProbe({ ask: ping, show: () => gauge.show(1), hide: () => gauge.show(0) }, timing);
}

function poolGauges(registry: Registry, { pool }: Database): void {
  const registers = [registry];
  new Gauge({
    name: 'database_pool_connections',
    help: 'Connections of this process to PostgreSQL, by state: active or idle.',
    labelNames: ['state'] as const,
    registers,
    collect() {
      this.set({ state: 'active' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'idle' }, pool.idleCount);
    },
  });
  new Gauge({
    name: 'database_pool_waiting_requests',
    help: 'What waits in this process for a connection to PostgreSQL.',
    registers,
    collect() {
      this.set(pool.waitingCount);
    },
  });
  new Gauge({
    name: 'database_pool_max_connections',
    help: 'So many connections this process may have (DATABASE_POOL_SIZE).',
    registers,
  }).set(pool.options.max);
}

function lagProbe(registry: Registry, db: Database, timing: ProbeTiming): Probe {
  const overdue = unknownYet(
    registry,
    'deadlines_overdue',
    `Open disputes past their deadline and not held, counted up to ${COUNTED_UP_TO}.`,
  );
  const oldest = unknownYet(
    registry,
    'deadlines_oldest_overdue_age_seconds',
    'How long ago the oldest of them should have taken effect; 0 if there is none.',
  );
  const relayLag = unknownYet(
    registry,
    'relay_lag_seconds',
    'How long the timer waits that has waited longest to be handed to the queue; 0 if none waits.',
  );
  const skew = unknownYet(registry, 'clock_skew_seconds', "This host's clock minus the database's.");
  const all = [overdue, oldest, relayLag, skew];
  return createProbe(
    {
      ask: () =>
        withTx(db, async (tx) => {
          const lag = await readLag(tx, COUNTED_UP_TO, STATEMENT_MS);
          return { ...lag, skewMs: Date.now() - lag.now };
        }),
      show: (lag) => {
        overdue.show(lag.overdue);
        oldest.show(lag.oldestOverdueSeconds);
        relayLag.show(lag.relayLagSeconds);
        skew.show(lag.skewMs / 1_000);
      },
      hide: () => {
        for (const gauge of all) gauge.hide();
      },
    },
    timing,
  );
}

function holdsProbe(registry: Registry, db: Database, timing: ProbeTiming): Probe {
  const active = unknownYet(registry, 'holds_active', 'Holds that last: deadlines that they cover take no effect.');
  const ofAll = unknownYet(
    registry,
    'hold_of_all_age_seconds',
    'How long ago the oldest hold of all disputes that lasts was begun; 0 if there is none.',
  );
  return createProbe(
    {
      ask: () =>
        withTx(db, async (tx) => {
          await limitStatements(tx, STATEMENT_MS);
          return await countActiveHolds(tx);
        }),
      show: ({ count, ofAllAgeSeconds }) => {
        active.show(count);
        ofAll.show(ofAllAgeSeconds ?? 0);
      },
      hide: () => {
        active.hide();
        ofAll.hide();
      },
    },
    timing,
  );
}

function workersProbe(registry: Registry, look: () => Promise<WorkersLook>, timing: ProbeTiming): Probe {
  const gauge = unknownYet(
    registry,
    'workers_alive',
    'Workers whose last heartbeat is at most 15 s old, as an api reads them from PostgreSQL; nothing while that is away.',
  );
  const count = async () => {
    const { alive } = await look();
    if (alive === null) throw new Error('PostgreSQL did not say which workers live');
    return alive;
  };
  return createProbe({ ask: count, ...gauge }, timing);
}

function queueProbe(registry: Registry, countJobs: Measured['countJobs'], timing: ProbeTiming): Probe {
  const gauge = new Gauge({
    name: 'queue_jobs',
    help: 'Jobs in the queue of deadlines, by state; waiting jobs of a paused queue are paused. Nothing while Redis is away.',
    labelNames: ['state'] as const,
    registers: [registry],
  });
  return createProbe(
    {
      ask: countJobs,
      show: (counts) => {
        for (const [state, count] of Object.entries(counts)) gauge.set({ state }, count);
      },
      hide: () => gauge.reset(),
    },
    timing,
  );
}

/**
 * Adds the gauges that are read at each scrape. Every process says what it can reach, how full its pool is and which
 * holds last; an api also how many workers live, and a worker how far the deadlines, the relay and its clock are off, and what is in the queue.
 * @returns what reads them anew: it takes about a second at most, costs nothing when repeated soon, and never rejects
 */
export function addGauges(
  registry: Registry,
  measured: Measured,
  isWorker: boolean,
  timing: ProbeTiming = {},
): () => Promise<unknown> {
  const { db, lookAtPostgres, lookAtRedis, lookAtWorkers, countJobs } = measured;
  poolGauges(registry, db);
  const writable = async () => {
    const state = await lookAtPostgres();
    if (state !== 'up') throw new Error(`PostgreSQL is ${state}`);
  };
  const usable = async () => {
    const state = await lookAtRedis();
    if (state.redis !== 'up') throw new RedisUnusableError(state);
  };
  const probes = [
    upGauge(registry, 'postgres_up', 'Whether PostgreSQL answers this process and takes writes.', writable, timing),
    upGauge(registry, 'redis_up', 'Whether Redis does what the queue needs, for this process.', usable, timing),
    holdsProbe(registry, db, timing),
    ...(lookAtWorkers === null ? [] : [workersProbe(registry, lookAtWorkers, timing)]),
    ...(isWorker ? [lagProbe(registry, db, timing), queueProbe(registry, countJobs, timing)] : []),
  ];
  return () => Promise.all(probes.map((probe) => probe()));
}
