import { sql } from 'drizzle-orm';
import { applyDueDeadlines } from '../../../src/application/apply-due.ts';
import { readOrder } from '../../../src/application/read.ts';
import type { CoreDeps } from '../../../src/application/write.ts';
import type { DisputeAction, DisputeType } from '../../../src/domain/rules.ts';
import type { ReportedStatus } from '../../../src/domain/state.ts';
import type { Database, Tx } from '../../../src/platform/postgres/database.ts';
import { withTx } from '../../../src/platform/postgres/database.ts';
import { overdueDisputes } from '../../../src/store/due/overdue.ts';
import { lockOrders } from '../../../src/store/locks.ts';
import { createDatabase, letTimePass, type TestDatabase } from '../../harness/database.ts';
import {
  type Ask,
  acting,
  ask,
  CLIENT,
  FREELANCER,
  opening,
  reporting,
  type Told,
  type User,
  writeDepsOf,
} from './moves.ts';
import { observedDatabase, type Statement } from './observed-database.ts';
import { createScheduler, type Racer } from './scheduler.ts';

const RACERS = 4;

/** A database with a place for each racer: a connection of its own, on which the scheduler says when it may go on. */
export interface Stage {
  readonly database: TestDatabase;
  readonly scheduler: ReturnType<typeof createScheduler>;
  readonly quiet: CoreDeps;
  /** Makes a racer of something to do with the write path. */
  readonly racer: (
    name: string,
    run: (deps: CoreDeps, db: Database) => Promise<unknown>,
    when?: 'at once' | 'at any time',
  ) => Racer;
  /** Before each interleaving: every place is free again. */
  readonly clear: () => void;
  /** When each racer's last lock had been granted, by the database's clock. */
  readonly lockedAt: Map<string, number>;
  readonly pidOf: (name: string) => number | undefined;
}

export async function setStage(): Promise<Stage> {
  const database = await createDatabase();
  const observers: ((statement: Statement) => Promise<unknown>)[] = [];
  const places = Array.from({ length: RACERS }, (_, place) =>
    observedDatabase(database.url, (statement) => (observers[place] ?? (({ send }) => send()))(statement), 1, true),
  );
  const quiet = writeDepsOf(observedDatabase(database.url, ({ send }) => send(), 4));
  const lockedAt = new Map<string, number>();
  const pids = new Map<string, number>();
  let taken = 0;

  const clock = async () => {
    const [row] = await database.query<{ now: number }>(
      'SELECT floor(extract(epoch from clock_timestamp()) * 1000)::float8 AS now',
    );
    return row?.now ?? Number.NaN;
  };

  const racer: Stage['racer'] = (name, run, when = 'at once') => {
    const place = taken;
    taken += 1;
    const db = places[place];
    if (db === undefined) throw new Error('the stage has no place left');
    return {
      name,
      waitsToBegin: when === 'at any time',
      run: async (observe) => {
        observers[place] = async (statement) => {
          pids.set(name, statement.pid);
          const answer = await observe(statement);
          if (/for update/i.test(statement.text)) lockedAt.set(name, await clock());
          return answer;
        };
        return await run(writeDepsOf(db), db);
      },
    };
  };
  const clear = () => {
    taken = 0;
    lockedAt.clear();
    pids.clear();
  };
  const scheduler = createScheduler(database.url);
  return { database, scheduler, quiet, racer, clear, lockedAt, pidOf: (name) => pids.get(name) };
}

let orders = 0;

/** An order that the order service has reported, with an open dispute if one is asked for. */
export async function setOrder(
  { quiet, database }: Stage,
  dispute?: { type: DisputeType; by: User; windowMs?: number; overdue?: boolean },
): Promise<{ orderId: string; disputeId: string }> {
  orders += 1;
  const orderId = `race-${orders}`;
  await ask(quiet, reporting(orderId, 'in_progress', 1));
  if (dispute === undefined) return { orderId, disputeId: '' };
  await ask(quiet, opening(orderId, dispute.by, dispute.type, dispute.windowMs));
  const [row] = await database.query<{ id: string }>('SELECT id FROM disputes WHERE order_id = $1', [orderId]);
  if (row === undefined) throw new Error('the dispute was not opened');
  if (dispute.overdue === true) await letTimePass(database, row.id, 49 * 3_600_000);
  return { orderId, disputeId: row.id };
}

/** What racers do. */
export const act =
  (disputeId: string, by: User, kind: DisputeAction, how: Ask = {}) =>
  (deps: CoreDeps): Promise<Told> =>
    ask(deps, acting(disputeId, by, kind), how);
export const open =
  (orderId: string, by: User, type: DisputeType, how: Ask = {}) =>
  (deps: CoreDeps): Promise<Told> =>
    ask(deps, opening(orderId, by, type), how);
export const report =
  (orderId: string, status: ReportedStatus, revision: number) =>
  (deps: CoreDeps): Promise<Told> =>
    ask(deps, reporting(orderId, status, revision));
export const job =
  (...disputeIds: readonly string[]) =>
  (deps: CoreDeps) =>
    applyDueDeadlines(deps, disputeIds, { trigger: 'job', busy: 'wait' });
export const sweep = () => async (deps: CoreDeps) => {
  const overdue = await overdueDisputes(deps.db, 500);
  return await applyDueDeadlines(deps, overdue, { trigger: 'sweep', busy: 'skip' });
};
export const touch = (disputeId: string) => async (deps: CoreDeps) => {
  const seen = await readOrder(deps, { disputeId }, CLIENT);
  return seen?.disputes.find(({ id }) => id === disputeId)?.resolved?.resolution ?? 'open';
};

/** Commands that arrive together at one process. */
export const together =
  (...commands: readonly ((deps: CoreDeps) => Promise<Told>)[]) =>
  (deps: CoreDeps): Promise<readonly Told[]> =>
    Promise.all(commands.map((command) => command(deps)));

const rollingBack = async (tx: Tx, orderId: string): Promise<never> => {
  await lockOrders(tx, [{ target: { orderId }, partyId: null }], 'wait');
  await tx.execute(sql`SELECT 'and thinks again'`);
  throw new Error('it rolls back');
};
/** Takes the lock, and gives it back without having done anything. */
export const lockInVain = (orderId: string) => (_deps: CoreDeps, db: Database) =>
  withTx(db, (tx) => rollingBack(tx, orderId)).catch(() => 'rolled back');

export { CLIENT, FREELANCER };
