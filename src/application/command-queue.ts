import { performance } from 'node:perf_hooks';
import { CommitUnknownError, isTransient, type Tx, withTx } from '../platform/postgres/database.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import { type Caught, catchTrace, tracedTogether, traceParent } from '../platform/tracing.ts';
import type { Outcome } from './idempotent.ts';
import { createFinder } from './read.ts';
import { entriesOf, type Treated, transact } from './transact.ts';
import { type CommandQueue, type CommandRequest, type CoreDeps, memberOf, type WriteDeps } from './write.ts';

/** Too many commands are waiting, or this one has waited for longer than a caller does. Nothing was done. */
export class OverloadedError extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'OverloadedError';
  }
}

/** What is measured of a batch: how many commands it has, and how long each has waited, in seconds. */
export interface BatchObserver {
  readonly onBatch: (queuedSeconds: readonly number[]) => void;
}

/** How many commands one transaction has at most, and how many bytes of requests. */
const MEMBERS = 64;
const BYTES = 512 * 1_024;
/**
 * How many batches are under way at a time: the second beside one that is slow, or when a full one waits. Otherwise commands wait
 * for the first, since larger batches cost less for each command.
 */
const IN_FLIGHT = 2;
/** Longer than a batch takes on an idle server. */
const SLOW_MS = 25;
/** How many commands wait or are on their own; one more is refused. */
const MOST = 2_000;
// As long as a lock is waited for: a command that has waited for so long is refused, and not begun or tried again.
const PATIENCE_MS = 2_000;
// Each statement of a batch takes some milliseconds, since it waits for no lock of an order. A command on its own waits for the
// lock, two seconds at most; a second one behind it would wait for twice as long.
const BATCH_STATEMENT_MS = 1_500;
const ALONE_STATEMENT_MS = 2_500;
// A process that freezes has up to 64 orders in its hands, and not one.
const FROZEN_AFTER_MS = 500;

interface Waiting {
  readonly request: CommandRequest;
  /** The order or dispute, and the key: no two commands with one of them in common are in one batch. */
  readonly names: readonly string[];
  readonly sinceMs: number;
  readonly trace: Caught;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Whether a command has waited for as long as its caller does. */
const hasWaited = ({ sinceMs }: Waiting, now = performance.now()): boolean => now - sinceMs > PATIENCE_MS;
const WAITED = 'a command has waited for too long';

function namesOf({ target, key }: CommandRequest): string[] {
  const order = 'orderId' in target ? `order ${target.orderId}` : `dispute ${target.disputeId}`;
  return key === null ? [order] : [order, `key ${key.caller} ${key.key}`];
}

/** What a request is told if its member was not decided although it was alone: it is no party's order, or there is none. */
function outcomeOf(treated: Treated<Outcome> | undefined): Outcome {
  if (treated?.kind === 'decided') return treated.ruling.result;
  return treated?.kind === 'known' ? treated.outcome : { outcome: 'not_found' };
}

// With a key, or as a report with its revision, the same request a second time finds what it did the first time.
const isIdempotent = ({ key, partyId }: CommandRequest): boolean => key !== null || partyId === null;

/** Counts how often names are in use. */
function createNames() {
  const counts = new Map<string, number>();
  const add = (names: readonly string[], by: 1 | -1) => {
    for (const name of names) {
      const count = (counts.get(name) ?? 0) + by;
      if (count === 0) counts.delete(name);
      else counts.set(name, count);
    }
  };
  return { has: (names: readonly string[]) => names.some((name) => counts.has(name)), add };
}

/** The commands that wait, each caller's in the order in which they came; callers take turns. */
function createWaitingLine() {
  const byCaller = new Map<string | null, Waiting[]>();
  let count = 0;

  /** Takes the first command of a caller that has nothing in common with commands that are under way or come before it. */
  const takeOne = (list: Waiting[], isTaken: (names: readonly string[]) => boolean, skipped: Set<string>) => {
    const index = list.findIndex(({ names }) => {
      const isFree = !isTaken(names) && !names.some((name) => skipped.has(name));
      if (!isFree) for (const name of names) skipped.add(name);
      return isFree;
    });
    return index < 0 ? undefined : list.splice(index, 1)[0];
  };

  return {
    size: () => count,
    add: (one: Waiting) => {
      count += 1;
      const list = byCaller.get(one.request.partyId);
      if (list === undefined) byCaller.set(one.request.partyId, [one]);
      else list.push(one);
    },
    /** Takes a batch: one command of each caller in turn, until it is full or none is left that may come. */
    take: (isTaken: (names: readonly string[]) => boolean): Waiting[] => {
      const batch: Waiting[] = [];
      const inBatch = createNames();
      const skipped = new Set<string>();
      let bytes = 0;
      for (let found = true; found; ) {
        found = false;
        for (const [caller, list] of [...byCaller]) {
          if (batch.length === MEMBERS || bytes >= BYTES) break;
          const one = takeOne(list, (names) => isTaken(names) || inBatch.has(names), skipped);
          // Behind the others, so that the next turn is theirs.
          byCaller.delete(caller);
          if (list.length > 0) byCaller.set(caller, list);
          if (one === undefined) continue;
          found = true;
          batch.push(one);
          inBatch.add(one.names, 1);
          bytes += one.request.bytes;
        }
        if (batch.length === MEMBERS || bytes >= BYTES) break;
      }
      count -= batch.length;
      return batch;
    },
  };
}

/**
 * Makes the queue of commands. A command that comes while nothing is under way begins at once; those that come meanwhile form
 * the next batch, which is one transaction. No answer is given before its COMMIT. A member that a batch cannot decide, and
 * each member of a batch that failed, is carried out on its own.
 */
function createCommandQueue(deps: WriteDeps, { onBatch }: BatchObserver): CommandQueue {
  const { db, newId, onCommitted } = deps;
  const line = createWaitingLine();
  const inBatches = createNames();
  const onTheirOwn = createNames();
  let batches = 0;
  let begunMs = 0;
  let alone = 0;
  let isScheduled = false;

  const mayBegin = () =>
    batches === 0 || (batches < IN_FLIGHT && (line.size() >= MEMBERS || performance.now() - begunMs > SLOW_MS));

  const transactAlone = async (tx: Tx, request: CommandRequest) =>
    await transact(tx, [memberOf(request, newId, traceParent())], 'wait');

  /** The path of a command on its own: it waits for the lock of its order, and is tried again after transient failures. */
  const carryOutAlone = async ({ request, trace, names, resolve, reject }: Waiting): Promise<void> => {
    alone += 1;
    onTheirOwn.add(names, 1);
    const once = () => withTx(db, (tx) => transactAlone(tx, request), { statementMs: ALONE_STATEMENT_MS });
    try {
      const treated = await trace.run(() => withRetry(once, { idempotent: isIdempotent(request) }));
      onCommitted(entriesOf(treated), 'request');
      resolve(outcomeOf(treated[0]));
    } catch (error) {
      reject(error);
    } finally {
      alone -= 1;
      onTheirOwn.add(names, -1);
    }
  };

  const commitTogether = (batch: readonly Waiting[]) => {
    const [only, ...others] = batch;
    const isAlone = only !== undefined && others.length === 0;
    const work = (tx: Tx) => {
      // One command has its transaction in its own trace.
      const members = batch.map(({ request, trace }) =>
        memberOf(request, newId, isAlone ? traceParent() : trace.parent()),
      );
      return transact(tx, members, 'skip');
    };
    const options = { statementMs: BATCH_STATEMENT_MS, frozenAfterMs: FROZEN_AFTER_MS };
    const commit = () => withTx(db, work, options);
    return isAlone
      ? only.trace.run(commit)
      : tracedTogether(
          batch.map(({ trace }) => trace),
          'batch',
          commit,
        );
  };

  /** What becomes of a member whose batch failed. */
  const afterFailure = (one: Waiting, error: unknown) => {
    const isUnknown = error instanceof CommitUnknownError && !isIdempotent(one.request);
    if (isUnknown || (isTransient(error) && hasWaited(one))) one.reject(error);
    else void carryOutAlone(one);
  };

  /** What becomes of a member whose batch was committed. Where its order was locked elsewhere, nothing of it was done. */
  const afterCommit = (one: Waiting, treated: Treated<Outcome> | undefined) => {
    if (treated?.kind !== 'not_locked') one.resolve(outcomeOf(treated));
    else if (hasWaited(one)) one.reject(new OverloadedError(WAITED));
    else void carryOutAlone(one);
  };

  const carryOutTogether = async (batch: readonly Waiting[]): Promise<void> => {
    batches += 1;
    for (const { names } of batch) inBatches.add(names, 1);
    let finish: (one: Waiting, index: number) => void;
    try {
      const treated = await commitTogether(batch);
      onCommitted(entriesOf(treated), 'request');
      finish = (one, index) => afterCommit(one, treated[index]);
    } catch (error) {
      finish = (one) => afterFailure(one, error);
    }
    batches -= 1;
    for (const [index, one] of batch.entries()) {
      inBatches.add(one.names, -1);
      finish(one, index);
    }
    schedule();
  };

  /** Refuses what has waited for too long, and begins with the rest. */
  const begin = () => {
    isScheduled = false;
    while (mayBegin()) {
      const taken = line.take((names) => inBatches.has(names));
      if (taken.length === 0) return;
      const now = performance.now();
      const batch = taken.filter((one) => {
        if (!hasWaited(one, now)) return true;
        one.reject(new OverloadedError(WAITED));
        return false;
      });
      if (batch.length === 0) continue;
      onBatch(batch.map(({ sinceMs }) => (now - sinceMs) / 1_000));
      begunMs = now;
      void carryOutTogether(batch);
    }
  };

  // When the requests that arrived together have all been read; nothing is waited for beyond that.
  const schedule = () => {
    if (isScheduled || line.size() === 0 || !mayBegin()) return;
    isScheduled = true;
    setImmediate(begin);
  };

  return {
    execute: (request) =>
      new Promise((resolve, reject) => {
        if (line.size() + alone >= MOST) {
          reject(new OverloadedError('too many commands are waiting'));
          return;
        }
        const names = namesOf(request);
        const one = { request, names, sinceMs: performance.now(), trace: catchTrace(), resolve, reject };
        // Behind one that waits for the same order on its own, and not past it.
        if (onTheirOwn.has(names)) {
          void carryOutAlone(one);
          return;
        }
        line.add(one);
        schedule();
      }),
  };
}

const UNOBSERVED: BatchObserver = { onBatch: () => {} };

/** Makes what the use cases need, with a queue of commands and a collector of reads of its own. */
export function createCore(deps: WriteDeps, observer: BatchObserver = UNOBSERVED): CoreDeps {
  return { ...deps, commands: createCommandQueue(deps, observer), find: createFinder(deps.db) };
}
