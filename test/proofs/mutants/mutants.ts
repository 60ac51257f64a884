/** What is replaced by what; `search` occurs exactly once in its file. */
interface Edit {
  readonly search: string;
  readonly replace: string;
}

/**
 * A mistake that a maintainer could make in the write path or in what follows the log, as a change of its text, and the tests
 * that have to notice it.
 */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly edits: readonly Edit[];
  /** Test files, and of them the tests whose names match, if not all. */
  readonly killedBy: readonly string[];
  readonly named?: string;
}

const RACES = ['test/proofs/races/races.test.ts'];
const BOUNDS = ['test/domain/matrix-of-bounds.test.ts'];
const HOLDS = ['test/domain/holds.test.ts'];
const KEYS = ['test/application/keys.test.ts'];
const COMMAND_QUEUE = ['test/application/command-queue.test.ts'];
const WRITE_PATH = ['test/application/write-path.test.ts'];
const LAST_LINES = ['test/store/last-lines.test.ts'];
const DOMAIN = ['test/domain/promises.test.ts', 'test/domain/properties.test.ts'];
const TRANSACTIONS = ['test/platform/postgres/database.test.ts'];
const RETRIES = ['test/platform/postgres/retry.test.ts'];
const WEBHOOKS = ['test/webhooks/delivery.test.ts'];
const DELIVERY_MODEL = ['test/proofs/webhooks/model.test.ts'];
const STATES = 'src/webhooks/states.ts';
const TIMERS = ['test/workers/timers.test.ts'];
const FOLLOWING = ['test/application/follow.test.ts'];
const USER_STREAM = ['test/http/streams/user-stream.test.ts'];
const CLOCKS = ['test/application/test-clocks/advance.test.ts'];
const STATISTICS = ['test/statistics/exact.test.ts'];

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the orders are not locked',
    file: 'src/store/locks.ts',
    edits: [
      {
        search: `
    .for('update', busy === 'skip' ? { of: orders, skipLocked: true } : { of: orders });`,
        replace: ';',
      },
    ],
    killedBy: ['test/application/waiting.test.ts'],
    named: 'is too late',
  },
  {
    name: 'orders are locked in no particular sequence',
    file: 'src/store/locks.ts',
    edits: [{ search: '.orderBy(asc(orders.id))', replace: '.orderBy(sql`random()`)' }],
    killedBy: WRITE_PATH,
    named: 'sequence',
  },
  {
    name: 'orders are locked in the reversed sequence',
    file: 'src/store/locks.ts',
    edits: [
      { search: '.orderBy(asc(orders.id))', replace: '.orderBy(desc(orders.id))' },
      { search: 'import { asc,', replace: 'import { desc,' },
    ],
    killedBy: WRITE_PATH,
    named: 'sequence',
  },
  {
    name: 'a sweeper waits for orders that other transactions have locked',
    file: 'src/store/locks.ts',
    edits: [{ search: '{ of: orders, skipLocked: true }', replace: '{ of: orders }' }],
    killedBy: WRITE_PATH,
    named: 'passes over',
  },
  {
    name: 'a batch waits for an order that another transaction has locked',
    file: 'src/application/command-queue.ts',
    edits: [{ search: "return transact(tx, members, 'skip');", replace: "return transact(tx, members, 'wait');" }],
    killedBy: COMMAND_QUEUE,
    named: 'waits for its locked order on its own',
  },
  {
    name: 'a job passes over orders that other transactions have locked',
    file: 'src/store/locks.ts',
    edits: [
      {
        search: '{ of: orders, skipLocked: true } : { of: orders }',
        replace: '{ of: orders, skipLocked: true } : { of: orders, skipLocked: true }',
      },
    ],
    killedBy: WRITE_PATH,
    named: 'waits for',
  },
  {
    name: 'a member of a batch that failed is not carried out on its own',
    file: 'src/application/command-queue.ts',
    edits: [
      {
        search: 'if (isUnknown || (isTransient(error) && hasWaited(one))) one.reject(error);',
        replace: 'if (error !== null) one.reject(error);',
      },
    ],
    killedBy: COMMAND_QUEUE,
    named: 'a batch that fails',
  },
  {
    name: 'a command whose caller has waited long enough goes on to wait for the lock of its order',
    file: 'src/application/command-queue.ts',
    edits: [{ search: 'else if (hasWaited(one)) one.reject(new OverloadedError(WAITED));', replace: '' }],
    killedBy: COMMAND_QUEUE,
    named: 'used up the time that a caller waits',
  },
  {
    name: 'a batch answers before its COMMIT',
    file: 'src/application/command-queue.ts',
    edits: [
      {
        search: "return transact(tx, members, 'skip');",
        replace: `return transact(tx, members, 'skip').then((treated) => {
        for (const [index, one] of batch.entries())
          if (treated[index]?.kind === 'decided') one.resolve(outcomeOf(treated[index]));
        return treated;
      });`,
      },
    ],
    killedBy: COMMAND_QUEUE,
    named: 'after the COMMIT',
  },
  {
    name: 'the refusal of one member is the refusal of all',
    file: 'src/application/transact.ts',
    edits: [
      {
        search: "return { kind: 'decided', ruling };",
        replace: `const refused = decided.find((one) => one.ruling.response !== null && one.ruling.response.status >= 400);
    return { kind: 'decided', ruling: refused?.ruling ?? ruling };`,
      },
    ],
    killedBy: COMMAND_QUEUE,
    named: 'each with its own answer',
  },
  {
    name: 'two members of a batch decide on the same order',
    file: 'src/application/transact.ts',
    edits: [{ search: 'if (taken.has(state.order?.id)) return NOT_LOCKED;', replace: '' }],
    killedBy: COMMAND_QUEUE,
    named: 'the one before it',
  },
  {
    name: 'a key may be twice in a batch',
    file: 'src/application/command-queue.ts',
    edits: [
      {
        search: `return key === null ? [order] : [order, \`key \${key.caller} \${key.key}\`];`,
        replace: 'return [order];',
      },
    ],
    killedBy: COMMAND_QUEUE,
    named: 'comes twice for two orders',
  },
  {
    name: 'a stranger in a batch decides on an order that a party of it has locked',
    file: 'src/application/transact.ts',
    edits: [{ search: 'if (partyId !== null && roleIn(order, partyId) === null) return null;', replace: '' }],
    killedBy: COMMAND_QUEUE,
    named: 'no such order',
  },
  {
    name: 'one caller takes all turns',
    file: 'src/application/command-queue.ts',
    edits: [
      { search: 'byCaller.get(one.request.partyId);', replace: 'byCaller.get(null);' },
      { search: 'byCaller.set(one.request.partyId, [one]);', replace: 'byCaller.set(null, [one]);' },
    ],
    killedBy: COMMAND_QUEUE,
    named: 'gives every caller a turn',
  },
  {
    name: 'the clock of a batch is that of the order that is furthest ahead',
    file: 'src/application/transact.ts',
    edits: [
      {
        search: 'createTimes(clocks, facts.clock);',
        replace: `createTimes(
    clocks,
    Math.max(facts.clock, ...[...locked.values()].map(({ updatedAt }) => updatedAt)),
  );`,
      },
    ],
    killedBy: WRITE_PATH,
    named: 'its neighbours',
  },
  {
    name: 'the clock is read before the lock is asked for',
    file: 'src/application/transact.ts',
    edits: [
      {
        search: `const [reservations, locked, facts] = await Promise.all([
    reserving,
    lockOrders(tx, members, busy),
    readFacts(tx, members),
  ]);`,
        replace: `const [reservations, facts, locked] = await Promise.all([
    reserving,
    readFacts(tx, members),
    lockOrders(tx, members, busy),
  ]);`,
      },
    ],
    killedBy: RACES,
    named: 'decides by the clock',
  },
  {
    name: 'the clock is read in the statement that takes the lock',
    file: 'src/application/transact.ts',
    edits: [
      {
        search: '  // They travel together, and the server reads the clock when it has granted the locks.',
        replace: `  const [{ target } = { target: { orderId: '' } }] = members;
  const id = 'orderId' in target ? target.orderId : target.disputeId;
  const { rows } = await tx.execute<{ now: number }>(sql\`SELECT floor(extract(epoch from clock_timestamp()) * 1000)::float8 AS now
    FROM orders WHERE id = \${id} OR id IN (SELECT order_id FROM disputes WHERE id::text = \${id}) FOR UPDATE\`);`,
      },
      { search: 'createTimes(clocks, facts.clock)', replace: 'createTimes(clocks, rows[0]?.now ?? facts.clock)' },
      {
        search: 'import { type Dispute, type Instant, type Order, roleIn',
        replace: "import { sql } from 'drizzle-orm';\nimport { type Dispute, type Instant, type Order, roleIn",
      },
    ],
    killedBy: RACES,
    named: 'decides by the clock',
  },
  {
    name: "the clock is the transaction's beginning",
    file: 'src/store/clock.ts',
    edits: [{ search: 'extract(epoch from clock_timestamp())', replace: 'extract(epoch from now())' }],
    killedBy: RACES,
    named: 'decides by the clock',
  },
  {
    name: "the clock is the host's",
    file: 'src/store/clock.ts',
    edits: [{ search: 'const now = Math.max(clock ?? Number.NaN,', replace: 'const now = Math.max(Date.now(),' }],
    killedBy: WRITE_PATH,
    named: "host's clock",
  },
  {
    name: 'time may run backwards',
    file: 'src/store/clock.ts',
    edits: [{ search: ', ...about.map(({ updatedAt }) => updatedAt));', replace: ');' }],
    killedBy: WRITE_PATH,
    named: 'never goes back',
  },
  {
    name: 'an order is updated in whatever version it is',
    file: 'src/store/write-set.ts',
    edits: [
      {
        search: `AND orders.version = o.guard_version AND orders.revision = o.guard_revision RETURNING 1`,
        replace: 'RETURNING 1',
      },
    ],
    killedBy: WRITE_PATH,
    named: 'version',
  },
  {
    name: 'a dispute is updated in whatever version it is',
    file: 'src/store/write-set.ts',
    edits: [
      {
        search: `AND disputes.version = d.guard_version AND disputes.resolution IS NULL RETURNING 1`,
        replace: 'RETURNING 1',
      },
    ],
    killedBy: WRITE_PATH,
    named: 'version',
  },
  {
    name: 'a dispute is read as opened when it changed last',
    file: 'src/store/rows.ts',
    edits: [{ search: 'openedAt: row.openedAt,', replace: 'openedAt: row.updatedAt,' }],
    killedBy: ['test/store/round-trip.test.ts'],
  },
  {
    name: 'the rows written are not counted',
    file: 'src/store/write-set.ts',
    edits: [{ search: `if (!complete) throw new LostRaceError('a row was not as it was read');`, replace: '' }],
    killedBy: WRITE_PATH,
    named: 'version',
  },
  {
    name: 'the log is written in a transaction of its own',
    file: 'src/application/transact.ts',
    edits: [
      {
        search: 'set === null ? null : write(tx, set)',
        replace: `set === null
      ? null
      : write(tx, { ...set, entries: [] })
          .then(() => tx.execute('COMMIT AND CHAIN'))
          .then(() => write(tx, { orders: [], disputes: [], entries: set.entries }))`,
      },
    ],
    killedBy: WRITE_PATH,
    named: 'all or nothing|unknown',
  },
  {
    name: 'checks and then acts, in two transactions',
    file: 'src/application/transact.ts',
    edits: [
      {
        search: '  const stateOf = createStates(locked, facts, clocks, busy);',
        replace:
          "  await tx.execute('COMMIT AND CHAIN');\n  const stateOf = createStates(locked, facts, clocks, busy);",
      },
    ],
    killedBy: RACES,
    named: 'ends once|both parties',
  },
  {
    name: 'an order on a test clock is decided in real time',
    file: 'src/application/time.ts',
    edits: [{ search: 'instantOf(clock?.now ?? realNow,', replace: 'instantOf(realNow,' }],
    killedBy: CLOCKS,
    named: 'until the last moment',
  },
  {
    name: 'the sweeper takes disputes of test clocks',
    file: 'src/store/clock.ts',
    edits: [{ search: 'sql`disputes.test_clock_id IS NULL`', replace: 'sql`true`' }],
    killedBy: ['test/application/test-clocks/real-time.test.ts'],
    named: 'due in real time',
  },
  {
    name: 'positions of a deleted clock are given again',
    file: 'src/store/test-clocks/removal.ts',
    edits: [{ search: 'greatest(log_end, d.last)', replace: 'log_end' }],
    killedBy: ['test/application/test-clocks/removal.test.ts'],
    named: 'leaves no trace',
  },
  {
    name: 'a timer survives the end of its dispute',
    file: 'src/store/timers.ts',
    edits: [
      {
        search: `AND (d.status = 'resolved' OR timers.seq < d.deadline_seq)`,
        replace: `AND timers.seq < d.deadline_seq`,
      },
    ],
    killedBy: RACES,
    named: 'superseded',
  },
  {
    name: 'a timer whose time has come outlives its deadline',
    file: 'src/store/timers.ts',
    edits: [{ search: 'timers.due_at <= d.updated_at', replace: 'timers.due_at < d.opened_at' }],
    killedBy: TIMERS,
    named: 'has passed is gone',
  },
  {
    name: 'a moved deadline gets no timer',
    file: 'src/store/timers.ts',
    edits: [
      {
        search: `WHERE status = 'open' AND has_new_deadline`,
        replace: `WHERE status = 'open' AND write = 'insert'`,
      },
    ],
    killedBy: ['test/application/holds.test.ts'],
    named: 'exactly',
  },
  {
    name: 'an order may have two open disputes',
    file: 'migrations/0001_foundation.sql',
    edits: [
      {
        search: 'CREATE UNIQUE INDEX disputes_one_open_per_order',
        replace: 'CREATE INDEX disputes_one_open_per_order',
      },
    ],
    killedBy: LAST_LINES,
    named: 'database itself',
  },
  {
    name: 'the database takes an answer that came at the deadline',
    file: 'migrations/0001_foundation.sql',
    edits: [{ search: `CHECK (resolution = 'expired' OR resolved_at < respond_by)`, replace: 'CHECK (true)' }],
    killedBy: LAST_LINES,
    named: 'database itself',
  },
  {
    name: 'silence takes effect only after the deadline',
    file: 'src/domain/transition.ts',
    edits: [{ search: 'now < open.respondBy) return moved;', replace: 'now <= open.respondBy) return moved;' }],
    killedBy: DOMAIN,
  },
  {
    name: 'a look is recorded of a dispute that is resolved',
    file: 'src/domain/notices.ts',
    edits: [{ search: 'const news = dispute.resolved === null ? first : null;', replace: 'const news = first;' }],
    killedBy: ['test/domain/notices.test.ts'],
  },
  {
    name: 'If-Match compares what is known of the respondent',
    file: 'src/http/present/disputes.ts',
    edits: [{ search: 'digestOf([rest, version - noticeCount,', replace: 'digestOf([rest, version, noticeCount,' }],
    killedBy: ['test/http/routes/notices.test.ts'],
  },
  {
    name: 'a reader sees silence only after the deadline',
    file: 'src/domain/transition.ts',
    edits: [{ search: 'return now >= held.respondBy ?', replace: 'return now > held.respondBy ?' }],
    killedBy: HOLDS,
  },
  {
    name: 'a command is looked at before silence takes effect',
    file: 'src/domain/decide.ts',
    edits: [
      {
        search: 'const settled = applyDue(before, now);',
        replace:
          'const settled: Step = command.kind === "report_order" ? applyDue(before, now) : { state: before, entries: [] };',
      },
    ],
    killedBy: DOMAIN,
  },
  {
    name: 'what time had made due is lost with a refused command',
    file: 'src/application/write.ts',
    edits: [
      {
        search: 'settled.entries.length > 0 ? writeSet(',
        replace: 'settled.entries.length > 0 && decision.rejection === null ? writeSet(',
      },
    ],
    killedBy: WRITE_PATH,
    named: 'late answer',
  },
  {
    name: 'a key is reserved in a transaction of its own',
    file: 'src/store/idempotency.ts',
    edits: [
      {
        search: 'pg_try_advisory_xact_lock(hashtextextended(',
        replace: 'true OR pg_try_advisory_xact_lock(hashtextextended(',
      },
    ],
    killedBy: RACES,
    named: 'one key',
  },
  {
    name: 'an answer is kept in a transaction of its own',
    file: 'src/application/transact.ts',
    edits: [
      {
        search: 'answers.length > 0 ? keepResponses(tx, answers) : null',
        replace: "answers.length > 0 ? keepResponses(tx, answers).then(() => tx.execute('COMMIT AND CHAIN')) : null",
      },
    ],
    killedBy: WRITE_PATH,
    named: 'all or nothing',
  },
  {
    name: 'a key is for any request',
    file: 'src/application/idempotent.ts',
    edits: [
      {
        search: 'const isSame = reservation.fingerprint === key.fingerprint;',
        replace: 'const isSame = reservation.fingerprint !== "";',
      },
    ],
    killedBy: KEYS,
  },
  {
    name: 'a key is for any caller',
    file: 'src/store/idempotency.ts',
    edits: [{ search: '= k.caller AND', replace: 'IS NOT NULL AND' }],
    killedBy: KEYS,
  },
  {
    name: 'a key of another caller is in use',
    file: 'src/store/idempotency.ts',
    edits: [{ search: "hashtextextended(k.caller || ' ' || k.key, 0)", replace: 'hashtextextended(k.key, 0)' }],
    killedBy: KEYS,
    named: 'is in use for its caller alone',
  },
  {
    name: 'a key is kept for ever',
    file: 'src/store/idempotency.ts',
    edits: [{ search: '} > clock_timestamp() - ', replace: "} > '-infinity'::timestamptz + " }],
    killedBy: KEYS,
  },
  {
    name: 'a command without a key is repeated after a commit of unknown outcome',
    file: 'src/application/command-queue.ts',
    edits: [
      {
        search: 'boolean => key !== null || partyId === null;',
        replace: 'boolean => key !== undefined || partyId === null;',
      },
    ],
    killedBy: WRITE_PATH,
    named: 'unknown',
  },
  {
    name: 'a command with a key is not repeated after a commit of unknown outcome',
    file: 'src/application/command-queue.ts',
    edits: [
      {
        search: 'boolean => key !== null || partyId === null;',
        replace: 'boolean => key === undefined || partyId === undefined;',
      },
    ],
    killedBy: WRITE_PATH,
    named: 'unknown',
  },
  {
    name: 'a lost race is final',
    file: 'src/platform/postgres/retry.ts',
    edits: [{ search: 'if (error instanceof LostRaceError) return true;', replace: '' }],
    killedBy: RETRIES,
  },
  {
    name: 'a lock is waited for three times over',
    file: 'src/platform/postgres/retry.ts',
    edits: [{ search: 'isTransient(error) && !isTimeout(error)', replace: 'isTransient(error)' }],
    killedBy: RETRIES,
  },
  {
    name: 'a connection that is ended while a lock is waited for begins the wait anew',
    file: 'src/platform/postgres/retry.ts',
    edits: [{ search: ' || (hasWaited && !happensOnce(error))', replace: '' }],
    killedBy: RETRIES,
    named: 'long in coming',
  },
  {
    name: 'a connection is kept when BEGIN fails',
    file: 'src/platform/postgres/database.ts',
    edits: [
      {
        search: `  try {
    const line = lineOf(client, statements);
    line.begun = client.query(begin(options));`,
        replace: `  const line = lineOf(client, statements);
  line.begun = client.query(begin(options));
  await line.begun;
  try {`,
      },
    ],
    killedBy: TRANSACTIONS,
  },
  {
    name: 'a ROLLBACK in answer to COMMIT is taken for a commit',
    file: 'src/platform/postgres/database.ts',
    edits: [{ search: `if (command !== 'COMMIT') throw`, replace: 'if (command === "never") throw' }],
    killedBy: TRANSACTIONS,
  },
  {
    name: 'a commit without an answer is taken for a failure',
    file: 'src/platform/postgres/database.ts',
    edits: [
      {
        search: 'throw sqlStateOf(error) === null || isTransient(error) ? new CommitUnknownError(error) : error;',
        replace: 'throw error;',
      },
    ],
    killedBy: TRANSACTIONS,
  },
  {
    name: 'a hold does not keep silence from taking effect',
    file: 'src/domain/transition.ts',
    edits: [{ search: 'if (activeHold(state.holds, open) !== undefined) return { state, entries: [] };', replace: '' }],
    killedBy: HOLDS,
  },
  {
    name: 'time held is not counted',
    file: 'src/domain/transition.ts',
    edits: [
      {
        search: `  const moved = creditHold(state, now);
  const open`,
        replace: `  const moved: Step = { state, entries: [] };
  const open`,
      },
    ],
    killedBy: HOLDS,
  },
  {
    name: 'time in which holds overlap counts twice',
    file: 'src/domain/holds.ts',
    edits: [{ search: '    counted = end;\n', replace: '' }],
    killedBy: HOLDS,
  },
  {
    name: 'time held is counted again by the next who looks',
    file: 'src/domain/transition.ts',
    edits: [{ search: '    heldMs: dispute.heldMs + ms,\n', replace: '' }],
    killedBy: HOLDS,
  },
  {
    name: 'a hold that began too late keeps what was due',
    file: 'src/domain/holds.ts',
    edits: [{ search: '    if (start >= promised + total) break;\n', replace: '' }],
    killedBy: HOLDS,
  },
  {
    name: 'a hold is for everything',
    file: 'src/domain/holds.ts',
    edits: [{ search: 'return (hold.type ?? dispute.type) === dispute.type &&', replace: 'return' }],
    killedBy: HOLDS,
  },
  {
    name: 'a moved deadline is made from the window again',
    file: 'src/domain/transition.ts',
    edits: [
      { search: 'respondBy: dispute.respondBy + ms,', replace: 'respondBy: dispute.openedAt + 48 * 3_600_000 + ms,' },
    ],
    killedBy: HOLDS,
  },
  {
    name: 'a hold counts from its beginning, whatever `since` says',
    file: 'src/application/holds.ts',
    edits: [{ search: 'since: since ?? now });', replace: 'since: now });' }],
    killedBy: ['test/application/holds.test.ts'],
    named: 'opens again what is past',
  },
  {
    name: 'a hold counts from longer ago than seven days',
    file: 'src/domain/holds.ts',
    edits: [{ search: 'now - since > LONGEST_BACK_MS', replace: 'now - since > LONGEST_BACK_MS + 1' }],
    killedBy: HOLDS,
  },
  {
    name: 'time before a dispute was opened counts for it',
    file: 'src/domain/holds.ts',
    edits: [{ search: 'let counted = dispute.openedAt;', replace: 'let counted = 0;' }],
    killedBy: HOLDS,
  },
  {
    name: 'a deadline is shown as if the hold had ended, and listed as it is stored',
    file: 'src/domain/transition.ts',
    edits: [
      {
        search: '  return { ...dispute, heldSince };',
        replace: '  return { ...credited(dispute, holds, now), heldSince };',
      },
    ],
    killedBy: HOLDS,
  },
  {
    name: 'a hold that is begun later sees nothing of those that have been counted',
    file: 'src/store/holds.ts',
    edits: [
      {
        search: `OR h.released_at > (SELECT min(d.opened_at) FROM disputes d WHERE d.status = 'open'))`,
        replace: 'OR h.finished_at IS NULL)',
      },
    ],
    killedBy: ['test/application/holds.test.ts'],
    named: 'counts from the opening of what was opened since',
  },
  {
    name: 'the sweeper overlooks what an earlier hold had kept',
    file: 'src/store/holds.ts',
    edits: [{ search: `OR h.since < \${DUE}))\``, replace: 'OR true))`' }],
    killedBy: ['test/application/holds.test.ts'],
    named: 'begins after|does not keep it either',
  },
  {
    name: 'the sweeper forgets the time of a hold that has still to be counted',
    file: 'src/store/holds.ts',
    edits: [{ search: ` OR h.since < \${DUE}))\``, replace: '))`' }],
    killedBy: ['test/application/holds.test.ts'],
    named: 'keeps what is not due',
  },
  {
    name: 'a hold is closed before all of its deadlines are moved',
    file: 'src/application/holds.ts',
    edits: [{ search: ' || (await anyUncounted(db))) return;', replace: ') return;' }],
    killedBy: ['test/application/holds.test.ts'],
  },
  {
    name: 'the sweeper does not sweep',
    file: 'src/workers/sweeper.ts',
    edits: [{ search: 'if (due.length > 0) sweep.groups.push(due);', replace: '' }],
    killedBy: ['test/application/holds.test.ts'],
  },
  {
    name: 'a job waits for a locked order, with the others in its hands',
    file: 'src/workers/deadline-worker.ts',
    edits: [{ search: "busy: 'skip'", replace: "busy: 'wait'" }],
    killedBy: ['test/workers/busy.test.ts'],
  },
  {
    name: 'jobs do not wait while the sweeper has a backlog',
    file: 'src/workers/deadline-worker.ts',
    edits: [{ search: '    await backlog.over();', replace: '' }],
    killedBy: TIMERS,
    named: 'waits while more is overdue',
  },
  {
    name: 'a token is remembered beyond its exp',
    file: 'src/http/auth/authenticate.ts',
    edits: [{ search: 'earlier !== undefined && Date.now() < earlier.untilMs', replace: 'earlier !== undefined' }],
    killedBy: ['test/http/auth/tokens.test.ts'],
    named: 'good until five seconds after its exp',
  },
  {
    name: 'a verified token outlives the withdrawal of its key',
    file: 'src/http/auth/authenticate.ts',
    edits: [{ search: '() => known.clear()', replace: '() => {}' }],
    killedBy: ['test/http/auth/tokens.test.ts'],
    named: 'verified again',
  },
  {
    name: 'keys that are old are believed without asking the issuer',
    file: 'src/http/auth/issuer-keys.ts',
    edits: [{ search: '(age >= maxAgeMs && !isDown)', replace: 'false' }],
    killedBy: ['test/http/auth/issuer-keys.test.ts'],
    named: 'no longer than their age allows',
  },
  {
    name: 'a discovery document of another issuer is believed',
    file: 'src/http/auth/discovery.ts',
    edits: [{ search: 'if (named !== issuer) {', replace: 'if (named === undefined) {' }],
    killedBy: ['test/http/auth/discovery.test.ts'],
  },
  {
    name: "a program's token without scopes is a user's",
    file: 'src/http/auth/claims.ts',
    edits: [{ search: 'scopes.length > 0 || isOfProgram(claims)', replace: 'scopes.length > 0' }],
    killedBy: ['test/http/auth/claims.test.ts'],
  },
  {
    name: 'the sweeper waits for a batch that others have locked',
    file: 'src/workers/sweeper.ts',
    edits: [{ search: 'sweep.behind = isFull && settled < MOST / 2', replace: 'sweep.behind = isFull && settled < 0' }],
    killedBy: ['test/workers/backlog.test.ts'],
  },
  {
    name: 'jobs come back between the parts of a herd',
    file: 'src/workers/sweeper.ts',
    edits: [{ search: 'onBacklog(next !== undefined && sweep.isBacklog);', replace: 'onBacklog(false);' }],
    killedBy: ['test/workers/backlog.test.ts'],
    named: 'jobs wait',
  },
  {
    name: 'batches of the sweeper do not follow the machine',
    file: 'src/workers/sweeper.ts',
    edits: [{ search: '(settled.size * BATCH_MS) / (performance.now() - begun)', replace: 'BATCH' }],
    killedBy: ['test/workers/backlog.test.ts'],
    named: 'a batch is',
  },
  {
    name: 'a poison row stops the sweeper',
    file: 'src/platform/postgres/isolate.ts',
    edits: [{ search: '  if (isTransient(error)) {', replace: '  if (error !== null) {' }],
    killedBy: ['test/workers/deadline.test.ts'],
    named: 'cannot be written',
  },
  {
    name: 'a list settles only what it shows',
    file: 'src/application/read.ts',
    edits: [{ search: 'if (page.anyOverdue) {', replace: 'if (page.anyOverdue && page.disputes.length > 0) {' }],
    killedBy: ['test/http/routes/lists/lists.test.ts'],
  },
  {
    name: 'timers are not leased',
    file: 'src/store/timers.ts',
    edits: [{ search: 'ELSE clock.now + ', replace: 'ELSE t.leased_until + 0 * ' }],
    killedBy: TIMERS,
  },
  {
    name: 'a lease does not come back when Redis refuses',
    file: 'src/application/timers.ts',
    edits: [{ search: 'await withTx(db, (tx) => store.returnLeases(tx, batch.timers));', replace: '' }],
    killedBy: TIMERS,
  },
  {
    name: 'leases that are given back are waited for',
    file: 'src/store/timers.ts',
    edits: [{ search: 'LIMIT 1 FOR UPDATE SKIP LOCKED', replace: 'LIMIT 1' }],
    killedBy: TIMERS,
  },
  {
    name: 'timers are leased while Redis does not answer',
    file: 'src/workers/relay.ts',
    edits: [{ search: "  if (state.redis !== 'up') throw new RedisUnusableError(state);\n", replace: '' }],
    killedBy: TIMERS,
  },
  {
    name: 'an orphaned timer is never forgotten',
    file: 'src/workers/relay.ts',
    edits: [{ search: '  await forgetTimers(db, timers);\n', replace: '' }],
    killedBy: TIMERS,
  },
  {
    name: 'an orphaned job stays in the queue',
    file: 'src/workers/relay.ts',
    edits: [{ search: '  await removeJobs(queue, timers);\n', replace: '' }],
    killedBy: TIMERS,
  },
  {
    name: 'an early job is dropped',
    file: 'src/workers/deadline-worker.ts',
    edits: [
      {
        search: `if (outcome === 'early' && settlement.outcome === 'early') await`,
        replace: `if (outcome === 'early' && settlement.outcome !== 'early') await`,
      },
    ],
    killedBy: TIMERS,
  },
  {
    name: 'a job of a deadline that was moved goes round for ever',
    file: 'src/workers/deadline-worker.ts',
    edits: [
      {
        search: `settlement.outcome === 'early' && settlement.seq !== seq ?`,
        replace: `settlement.outcome === 'early' && settlement.seq === 0 ?`,
      },
    ],
    killedBy: TIMERS,
  },
  {
    name: 'a finished job stays in the queue',
    file: 'src/workers/queue.ts',
    edits: [{ search: 'removeOnComplete: true,', replace: 'removeOnComplete: false,' }],
    killedBy: TIMERS,
  },
  {
    name: "a job is due by its maker's clock",
    file: 'src/workers/queue.ts',
    edits: [{ search: 'timestamp: now, delay', replace: 'timestamp: Date.now(), delay' }],
    killedBy: TIMERS,
  },
  {
    name: 'an event is sent beside the one before it',
    file: STATES,
    edits: [
      {
        search: 'return pending.claim === null && (waiting.seq ?? 0) < (pending.seq ?? 0) ? waiting : pending;',
        replace: 'return waiting;',
      },
      {
        search: 'return pending === undefined ? [turn] : [turn,',
        replace: 'return pending !== undefined ? [turn] : [turn,',
      },
    ],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'an earlier event that was replayed goes out beside a later one that is under way',
    file: STATES,
    edits: [{ search: 'return pending.claim === null && (waiting', replace: 'return (waiting' }],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'retries take the slots of first attempts',
    file: 'src/webhooks/slots.ts',
    edits: [
      {
        search: 'alive.filter((one) => one.isRetry === isRetry);',
        replace: 'isRetry ? alive.filter((one) => one.isRetry) : alive;',
      },
      { search: 'const QUICK = { firsts: 16, retries: 4 }', replace: 'const QUICK = { firsts: 16, retries: 16 }' },
    ],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'a retry counts as a first attempt',
    file: STATES,
    edits: [{ search: 'const next = { ...delivery, isRetry: true,', replace: 'const next = { ...delivery,' }],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'an attempt that hangs keeps its slot',
    file: 'src/webhooks/slots.ts',
    edits: [{ search: 'forMs < SLOW_MS', replace: 'forMs < 15 * SLOW_MS' }],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'an endpoint that fails gets as much at a time as any other',
    file: 'src/webhooks/slots.ts',
    edits: [{ search: 'isProbed(endpoint) ? PROBES : QUICK', replace: 'QUICK' }],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'retries are claimed in the slots of first attempts',
    file: 'src/webhooks/deliver.ts',
    edits: [{ search: 'isRetry: false, limit: Math.min', replace: 'isRetry: true, limit: Math.min' }],
    killedBy: ['test/proofs/webhooks/model-sql.test.ts'],
  },
  {
    name: 'the next page begins behind the row that a bounded page left out',
    file: 'src/http/endpoint/pages.ts',
    edits: [
      {
        search: 'return { data, next: placeBehind(last, index - 1) };',
        replace: 'return { data, next: placeBehind(row, index) };',
      },
    ],
    killedBy: ['test/http/routes/lists/pages.test.ts'],
  },
  {
    name: 'an event that was given up keeps its order back for ever',
    file: 'src/webhooks/queue.ts',
    edits: [
      {
        search: 'const heads = await lockHeads(tx, endpoint.id, ordersOf(changed));',
        replace: `const heads = await lockHeads(tx, endpoint.id, ordersOf(changed.filter(({ status }) => status !== 'failed')));`,
      },
    ],
    killedBy: WEBHOOKS,
    named: 'is over after ten attempts',
  },
  {
    name: 'an early attempt counts',
    file: STATES,
    edits: [
      {
        search: 'if (scheduledAt !== null && before(lastAttemptAt, scheduledAt)) {',
        replace: 'if (scheduledAt === -1) {',
      },
    ],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'a wait that a receiver asked for is forgotten when its endpoint recovers',
    file: STATES,
    edits: [{ search: 'Math.max(releasedAt ?? 0, askedUntil ?? 0)', replace: '(releasedAt ?? 0)' }],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'a wait that a receiver asked for is not heeded',
    file: STATES,
    edits: [{ search: 'Math.max(delay ?? 0, wait ?? 0)', replace: '(delay ?? 0)' }],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'a wait that an early attempt was told of is forgotten',
    file: STATES,
    edits: [{ search: 'Math.max(scheduledAt, askedUntil ?? 0)', replace: 'scheduledAt' }],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'an endpoint has recovered after any success',
    file: STATES,
    edits: [{ search: 'hasFailedFor(endpoint, OUTAGE_MS, now) ? now', replace: 'endpoint.failures > 0 ? now' }],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'a receiver that is back waits for each of its turns',
    file: STATES,
    edits: [{ search: 'const isReleased = before(lastAttemptAt, releasedAt);', replace: 'const isReleased = false;' }],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'an event is given up after nine attempts',
    file: STATES,
    edits: [
      {
        search: 'const attempts = delivery.attempts + 1;\n  const delay',
        replace: 'const attempts = delivery.attempts + 2;\n  const delay',
      },
    ],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'attempts at a URL that was wrong count',
    file: STATES,
    edits: [{ search: 'if (before(lastAttemptAt, urlChangedAt)) {', replace: 'if (urlChangedAt === -1) {' }],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'what an endpoint does not want any more keeps the rest of its order back',
    file: STATES,
    edits: [
      {
        search:
          "  if (isUnwanted(delivery, endpoint)) return over(delivery, 'skipped', now);\n  return delivery.status",
        replace: '  return delivery.status',
      },
    ],
    killedBy: DELIVERY_MODEL,
  },
  {
    name: 'a change of an endpoint reaches no delivery that waits',
    file: 'src/webhooks/changes.ts',
    edits: [{ search: '{ ...after, reviseAfter: FIRST_ID }', replace: 'after' }],
    killedBy: ['test/proofs/webhooks/model-sql.test.ts'],
  },
  {
    name: 'the right to change an endpoint is checked on what is asked for, and not on what is there',
    file: 'src/webhooks/change-once.ts',
    edits: [{ search: '  if (endpoint !== undefined) checkMayChange(manager, endpoint);\n', replace: '' }],
    killedBy: ['test/webhooks/comments.test.ts'],
    named: 'only from a token',
  },
  {
    name: 'what receivers answered outlives the comments',
    file: 'src/erasures/store.ts',
    edits: [{ search: '(await eraseCopies(tx, orderIds, copiesAtOnce))', replace: '(await eraseCopies(tx, [], 1))' }],
    killedBy: ['test/webhooks/comments.test.ts'],
    named: 'is erased with',
  },
  {
    name: 'a redirect is followed',
    file: STATES,
    edits: [{ search: 'statusCode < 300;', replace: 'statusCode < 400;' }],
    killedBy: WEBHOOKS,
    named: 'as here with 302',
  },
  {
    name: 'an address is looked at only before its name is resolved',
    file: 'src/platform/network/http-client.ts',
    edits: [{ search: 'lookup: allowInsecure ? lookup : publicLookup(lookup),', replace: 'lookup,' }],
    killedBy: ['test/platform/network/outgoing.test.ts'],
    named: 'resolves to',
  },
  {
    name: 'who follows an order is taken in during a read that does not ask for it',
    file: 'src/application/feed/live-feed.ts',
    edits: [{ search: '      restingAt = null;\n', replace: '' }],
    killedBy: FOLLOWING,
  },
  {
    name: 'who follows an order hears again what was read already',
    file: 'src/application/feed/follow.ts',
    edits: [{ search: 'else if (next.seq > sent) {', replace: 'else {' }],
    killedBy: FOLLOWING,
  },
  {
    name: 'the log is not read again after a time without followers',
    file: 'src/application/feed/live-feed.ts',
    edits: [{ search: '        isRunning = false;\n        return;', replace: '        return;' }],
    killedBy: FOLLOWING,
  },
  {
    name: 'of a page of the live feed only the last hundred rows are handed on',
    file: 'src/application/feed/live-feed.ts',
    edits: [
      {
        search: 'for (const row of page.rows) subscribers',
        replace: 'for (const row of page.rows.slice(-100)) subscribers',
      },
    ],
    killedBy: FOLLOWING,
    named: 'that come at once',
  },
  {
    name: 'what lies behind a full batch of the fan-out is skipped',
    file: 'src/webhooks/store/fan-out.ts',
    edits: [{ search: 'position: events.length === limit ? last : until', replace: 'position: until' }],
    killedBy: ['test/webhooks/fan-out.test.ts'],
  },
  {
    name: 'a resolution center states a length that is not enforced',
    file: 'src/http/present/resolution-center.ts',
    edits: [{ search: '  minLength: 1,', replace: '  minLength: 2,' }],
    killedBy: ['test/http/present/stated-bounds.test.ts'],
  },
  {
    name: 'a user is told live of the orders of others',
    file: 'src/application/feed/live-feed.ts',
    edits: [
      {
        search: 'const concerned = [byOrder.get(row.orderId), byParty.get(clientId), byParty.get(freelancerId)];',
        replace: 'const concerned = [byOrder.get(row.orderId), ...byParty.values()];',
      },
    ],
    killedBy: USER_STREAM,
    named: 'of no other order',
  },
  {
    name: 'a user is told live as client only',
    file: 'src/application/feed/live-feed.ts',
    edits: [{ search: ', byParty.get(freelancerId)];', replace: '];' }],
    killedBy: USER_STREAM,
    named: 'in either role',
  },
  {
    name: 'a user who comes back is told as client only',
    file: 'src/store/feed.ts',
    edits: [
      {
        search: 'unionAll(asRole(CLIENT_ID), asRole(FREELANCER_ID))',
        replace: 'unionAll(asRole(CLIENT_ID), asRole(CLIENT_ID))',
      },
    ],
    killedBy: USER_STREAM,
    named: 'long absence',
  },
  {
    name: 'a position beyond the end of the log is waited at',
    file: 'src/application/feed/follow.ts',
    edits: [{ search: 'return after > logEnd ?', replace: 'return after < 0 ?' }],
    killedBy: ['test/http/streams/order-stream.test.ts'],
    named: 'beyond the end of the log',
  },
  {
    name: 'a stream too many ends the newest',
    file: 'src/http/streams/stream-places.ts',
    edits: [{ search: 'own.slice(0, Math.max(0, own.length + 1 - perCaller))', replace: 'own.slice(perCaller - 1)' }],
    killedBy: ['test/http/streams/order-stream.test.ts'],
    named: 'ends the oldest',
  },
  {
    name: 'a reader that takes nothing keeps its place',
    file: 'src/http/streams/event-streams.ts',
    edits: [
      {
        search: 'setTimeout(() => stream.destroy(), limits.lingerMs)',
        replace: 'setTimeout(() => {}, limits.lingerMs)',
      },
    ],
    killedBy: ['test/http/streams/order-stream.test.ts'],
    named: 'takes nothing any more',
  },
  {
    name: 'two fold the same entries',
    file: 'src/statistics/store.ts',
    edits: [{ search: `.for('update', { skipLocked: true })`, replace: '' }],
    killedBy: STATISTICS,
    named: 'each entry once',
  },
  {
    name: 'statistics leave out what has no number yet',
    file: 'src/statistics/store.ts',
    edits: [{ search: 'FROM log_entries WHERE seq IS NULL`;', replace: 'FROM log_entries WHERE false`;' }],
    killedBy: ['test/statistics/store.test.ts'],
  },
  {
    name: 'statistics leave out what has a number and is not folded',
    file: 'src/statistics/store.ts',
    edits: [
      {
        search: 'const tail = sql`SELECT type, dispute_id FROM log_entries WHERE seq >',
        replace: 'const tail = sql`SELECT type, dispute_id FROM log_entries WHERE seq < 0 AND seq >',
      },
    ],
    killedBy: ['test/statistics/store.test.ts'],
  },
  {
    name: 'a dispute that ended stays open in the statistics',
    file: 'src/statistics/store.ts',
    edits: [{ search: 'THEN 1 ELSE -1 END', replace: 'THEN 1 ELSE 0 END' }],
    killedBy: STATISTICS,
    named: 'naive count',
  },
  {
    name: 'statistics count the first part of a day as a whole one',
    file: 'src/statistics/store.ts',
    edits: [{ search: 'Math.ceil(from / DAY_MS)', replace: 'Math.floor(from / DAY_MS)' }],
    killedBy: STATISTICS,
    named: 'naive count',
  },
  {
    name: 'a delivery counts as an answer of the respondent',
    file: 'src/statistics/store.ts',
    edits: [{ search: `d.resolved_by_role IN ('client', 'freelancer')`, replace: 'true' }],
    killedBy: ['test/statistics/routes.test.ts'],
    named: 'what a delivery answered',
  },
  {
    name: 'a percentile is the next one below',
    file: 'src/statistics/ranks.ts',
    edits: [{ search: 'Math.ceil((count', replace: 'Math.floor((count' }],
    killedBy: ['test/statistics/ranks.test.ts'],
  },
  {
    name: 'silence that cannot be written does not count',
    file: 'src/statistics/rollup.ts',
    edits: [{ search: 'now).resolved !== null', replace: 'now).resolved === null' }],
    killedBy: STATISTICS,
    named: 'cannot be written',
  },
  {
    name: 'a change is accepted whatever has become of its order',
    file: 'src/domain/actions.ts',
    edits: [{ search: "reason === null ? null : { code: 'change_outdated', reason }", replace: 'reason && null' }],
    killedBy: ['test/domain/answering.test.ts'],
    named: 'is judged when it is accepted',
  },
  {
    name: 'a status behind an open dispute changes without an entry of its own',
    file: 'src/domain/transition.ts',
    edits: [{ search: '...(hasOtherStatus && {', replace: '...(false && hasOtherStatus && {' }],
    killedBy: ['test/domain/reporting.test.ts'],
    named: 'changes only what the order goes back to',
  },
  {
    name: 'a list by time of change goes on to now',
    file: 'src/store/clock.ts',
    edits: [{ search: 'least(statement_timestamp(), min(xact_start))', replace: 'statement_timestamp()' }],
    killedBy: ['test/http/routes/lists/polling.test.ts'],
    named: 'committed after a later one',
  },
  {
    name: 'changes at the instant that was asked for are left out',
    file: 'src/store/lists/listing.ts',
    edits: [{ search: '.updatedAt} >= ', replace: '.updatedAt} > ' }],
    killedBy: ['test/http/routes/lists/filters.test.ts'],
    named: 'updatedAfter',
  },
  {
    name: 'a dispute takes one comment too many',
    file: 'src/domain/actions.ts',
    edits: [{ search: 'dispute.commentCount >= LIMITS.comments', replace: 'dispute.commentCount > LIMITS.comments' }],
    killedBy: BOUNDS,
  },
  {
    name: 'an order takes one dispute too many',
    file: 'src/domain/actions.ts',
    edits: [{ search: 'disputeCount >= LIMITS.disputes', replace: 'disputeCount > LIMITS.disputes' }],
    killedBy: BOUNDS,
  },
  {
    name: 'the openings of both parties count together',
    file: 'src/domain/actions.ts',
    edits: [{ search: 'now).filter((opening) => opening.role === role);', replace: 'now);' }],
    killedBy: [...BOUNDS, 'test/proofs/model/model.test.ts'],
  },
  {
    name: 'a cooldown lasts a millisecond less',
    file: 'src/domain/actions.ts',
    edits: [{ search: 'availableAt > now ?', replace: 'availableAt > now + 1 ?' }],
    killedBy: [...BOUNDS, 'test/proofs/model/model.test.ts'],
  },
  {
    name: 'deadlines of one instant are lost behind a full batch',
    file: 'src/store/due/overdue.ts',
    edits: [
      {
        search: `(disputes.respond_by, disputes.id) > \${place}`,
        replace: `disputes.respond_by > (SELECT b.respond_by FROM disputes b WHERE b.id = \${behind})`,
      },
    ],
    killedBy: ['test/store/at-their-limit.test.ts'],
  },
];
