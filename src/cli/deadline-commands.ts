import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { DEADLINE_STATES } from '../application/deadlines.ts';
import type { DeadlineView, Hold as HoldSchema, Reconciliation as ReconciliationSchema } from '../http/schemas/ops.ts';
import { open, type RemoteOptions, remote } from './access.ts';
import type { Api } from './api.ts';
import { wholeNumber } from './arguments.ts';
import { refused } from './failures.ts';
import { readHolds, scopeOf } from './holds/hold-commands.ts';
import { facts, type Io, progress, show, table } from './output.ts';
import { pages } from './pages.ts';

type DeadlinePage = z.output<typeof DeadlineView>;
type Hold = z.output<typeof HoldSchema>;
type Reconciliation = z.output<typeof ReconciliationSchema>;

interface Readiness {
  readonly status: string;
  readonly postgres: string;
  readonly redis: string;
  readonly queue?: string;
  readonly reason?: string;
}

interface Status extends Readiness {
  readonly version: string;
  /** Null while PostgreSQL is away, as the next two. */
  readonly worker: DeadlinePage['worker'] | null;
  readonly workers: DeadlinePage['workers'] | null;
  readonly counts: DeadlinePage['counts'] | null;
  /** The last hundred that last, newest first. */
  readonly holds: readonly Hold[] | null;
}

const MOST = 10_000;

interface ListOptions extends RemoteOptions {
  readonly state: string;
  readonly limit: number;
}

const list = (io: Io, api: Api, { state, limit }: ListOptions): Promise<DeadlinePage> =>
  pages<DeadlinePage>(io, api, { what: 'deadlines', path: '/v1/ops/deadlines', limit, query: { state } });

async function readStatus(io: Io, api: Api): Promise<Status> {
  const { version } = await api.get<{ version: string }>('/healthz');
  const ready = await api.readiness<Readiness>();
  if (ready.status === 'unavailable')
    return { version, ...ready, worker: null, workers: null, counts: null, holds: null };
  const { worker, workers, counts } = await api.get<DeadlinePage>('/v1/ops/deadlines', { limit: 1 });
  return { version, ...ready, worker, workers, counts, holds: await readHolds(io, api, true) };
}

const NO_WORKER = 'down: no worker lives, and a deadline takes effect only when its dispute is read';

function holdsOf(holds: readonly Hold[]): string {
  if (holds.length === 0) return 'none';
  const isOfAll = holds.some(({ scope }) => scope === 'all');
  return `${holds.length}: ${isOfAll ? 'no deadline takes effect' : 'deadlines that they cover take no effect'}`;
}

function describeStatus(found: Status): string {
  const { version, status, postgres, redis, queue, reason, worker, workers, counts, holds } = found;
  const pairs = facts([
    ['status', status],
    ['version', version],
    ['postgres', postgres],
    ['redis', reason === undefined ? redis : `${redis}: ${reason}`],
    ...(queue === undefined ? [] : [['queue', queue] as const]),
    ['worker', worker === 'down' ? NO_WORKER : worker],
    ['deadlines pending', counts?.pending],
    ['deadlines overdue', counts?.overdue],
    ['holds active', holds === null ? null : holdsOf(holds)],
  ]);
  if (workers === null || holds === null) return pairs;
  const rows = workers.map((one) => [one.instance, one.version, one.startedAt, one.seenAt, one.alive ? 'yes' : 'no']);
  const lasting = holds.map((one) => [one.id, scopeOf(one), one.since, one.createdBy, one.note]);
  return [
    pairs,
    ...(holds.length === 0 ? [] : [table(['HOLD', 'OF', 'SINCE', 'BY', 'NOTE'], lasting)]),
    table(['WORKER', 'VERSION', 'STARTED', 'LAST SEEN', 'ALIVE'], rows),
  ].join('\n');
}

function describe({ counts, countedUpTo, holds, redis, worker, data }: DeadlinePage): string {
  const count = (value: number | null) =>
    value === null ? 'not known while Redis is away' : value >= countedUpTo ? `${value} or more` : value;
  const summary = facts([
    ...Object.entries(counts).map(([name, value]) => [name, count(value)] as const),
    [
      'holds active',
      holds.ofAllSince === null ? holds.count : `${holds.count}; one of all disputes since ${holds.ofAllSince}`,
    ],
    ['redis', redis],
    ['worker', worker],
  ]);
  const rows = data.map((one) => [one.dueAt, one.latenessSeconds, one.type, one.disputeId, one.orderId]);
  return `${summary}\n${table(['DUE', 'LATE (S)', 'TYPE', 'DISPUTE', 'ORDER'], rows)}`;
}

/** Goes on until everything was looked at; each call works for ten seconds at most. */
async function reconcile(io: Io, api: Api): Promise<Reconciliation> {
  const { say, end } = progress(io);
  let sum: Reconciliation = { settled: 0, failed: 0, reenqueued: 0, removed: 0, complete: false };
  while (!sum.complete) {
    say(`${sum.settled} settled, ${sum.reenqueued} jobs made again, ${sum.removed} taken away …`);
    const { settled, failed, reenqueued, removed, complete } =
      await api.post<Reconciliation>('/v1/ops/deadlines/reconcile');
    sum = {
      settled: sum.settled + settled,
      failed: sum.failed + failed,
      reenqueued: sum.reenqueued + reenqueued,
      removed: sum.removed + removed,
      complete,
    };
  }
  end();
  return sum;
}

/** Adds `status`, `deadlines` and `reconcile`. */
export function addDeadlineCommands(program: Command, io: Io): void {
  remote(
    program.command('status').description('how ready the service is, which workers live, and how many deadlines wait'),
  ).action(async (options: RemoteOptions) => {
    const found = await readStatus(io, await open(io, options));
    show(io, options.json, found, () => describeStatus(found));
    if (found.status === 'unavailable')
      throw refused('the service is unavailable: PostgreSQL is down or takes no writes');
  });
  remote(program.command('deadlines').description('what is pending, overdue, missing in the queue or orphaned there'))
    .addOption(new Option('--state <state>', 'which ones are listed').choices(DEADLINE_STATES).default('overdue'))
    .option('--limit <number>', `how many are listed at most, up to ${MOST}`, wholeNumber(1, MOST), 20)
    .action(async (options: ListOptions) => {
      const found = await list(io, await open(io, options), options);
      show(io, options.json, found, () => describe(found));
    });
  remote(
    program.command('reconcile').description('settle what is overdue and put the queue right, until all is'),
  ).action(async (options: RemoteOptions) => {
    const done = await reconcile(io, await open(io, options));
    const { settled, failed, reenqueued, removed } = done;
    const pairs = [
      ['deadlines settled', settled],
      ['deadlines that failed', failed],
      ['jobs made again', reenqueued],
      ['jobs taken away', removed],
    ] as const;
    show(io, options.json, done, () => facts(pairs));
  });
}
