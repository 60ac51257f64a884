/** One way in which the write path could be broken, and the tests that have to notice. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** What is given to Jest: files, and nothing that would run more than it takes. */
  readonly killedBy: readonly string[];
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no lock on the order',
    file: 'src/store/locks.ts',
    find: "    .for('update');\n",
    replace: '    ;\n',
    killedBy: ['test/operations/waiting.test.ts', 'test/operations/at-once.test.ts'],
  },
  {
    name: 'the clock is the start of the transaction',
    file: 'src/store/clock.ts',
    find: 'extract(epoch from clock_timestamp())',
    replace: 'extract(epoch from now())',
    killedBy: ['test/operations/waiting.test.ts'],
  },
  {
    name: "the clock is this host's",
    file: 'src/store/locks.ts',
    find: 'Math.max(rows[0]?.now ?? Number.NaN, ',
    replace: 'Math.max(Date.now(), ',
    killedBy: ['test/time-travel/defaults.test.ts'],
  },
  {
    name: 'time may run backwards after a failover',
    file: 'src/store/locks.ts',
    find: ', ...locked.map(({ updatedAt }) => updatedAt));',
    replace: ');',
    killedBy: ['test/time-travel/defaults.test.ts'],
  },
  {
    name: 'no guard on the version of a dispute',
    file: 'src/store/write-set.ts',
    find: ' AND disputes.version = d."guardVersion"\n      AND disputes.status = \'open\'',
    replace: '',
    killedBy: ['test/store/last-lines.test.ts'],
  },
  {
    name: 'what a write hit is not counted',
    file: 'src/store/write-set.ts',
    find: 'if (!complete) throw',
    replace: 'if (false) throw',
    killedBy: ['test/store/last-lines.test.ts'],
  },
  {
    name: 'two open disputes on one order are possible',
    file: 'migrations/0001_foundation.sql',
    find: 'CREATE UNIQUE INDEX disputes_one_open_per_order',
    replace: 'CREATE INDEX disputes_one_open_per_order',
    killedBy: ['test/store/last-lines.test.ts'],
  },
  {
    name: 'no sweeper',
    file: 'src/workers/workers.ts',
    find: '    startSweeper({ write, metrics, log }),\n',
    replace: '    ...(startSweeper === undefined ? [] : []),\n',
    killedBy: ['test/workers/deadline.test.ts'],
  },
  {
    name: 'a row that cannot be written stops its batch',
    file: 'src/workers/sweeper.ts',
    find: 'settled = await sweepOneByOne(deps, due);',
    replace: 'throw error;',
    killedBy: ['test/workers/deadline.test.ts'],
  },
  {
    name: 'no lease: timers are handed over again and again',
    file: 'src/store/timers.ts',
    find: 'ELSE clock.now + ',
    replace: 'ELSE clock.now - ',
    killedBy: ['test/workers/relay.test.ts'],
  },
  {
    name: 'leases are kept when Redis refuses the jobs',
    file: 'src/workers/relay.ts',
    find: '    await returnLeases(deps.db, batch.timers);\n',
    replace: '    if (batch.now < 0) await returnLeases(deps.db, batch.timers);\n',
    killedBy: ['test/workers/deadline.test.ts'],
  },
  {
    name: 'jobs of answered disputes stay in Redis',
    file: 'src/store/write-set.ts',
    find: '(d."status" = \'resolved\' OR timers.seq < d."deadlineSeq")',
    replace: '(timers.seq < d."deadlineSeq")',
    killedBy: ['test/workers/deadline.test.ts'],
  },
  {
    name: 'jobs stay in Redis when they are done',
    file: 'src/workers/queue.ts',
    find: '  removeOnComplete: true,\n',
    replace: '  removeOnComplete: false,\n',
    killedBy: ['test/workers/relay.test.ts'],
  },
  {
    name: 'an early job is dropped',
    file: 'src/workers/deadline-worker.ts',
    find: "if (outcome === 'early' && settlement.outcome === 'early') await putBack",
    replace: "if (outcome !== 'early' && settlement.outcome === 'early') await putBack",
    killedBy: ['test/workers/relay.test.ts'],
  },
  {
    name: 'at the deadline itself silence has no effect yet',
    file: 'src/domain/transition.ts',
    find: '  if (now >= open.respondBy) {',
    replace: '  if (now > open.respondBy) {',
    killedBy: ['test/domain'],
  },
  {
    name: 'a command is decided before what is due has happened',
    file: 'src/domain/decide.ts',
    find: 'const settled = settle(before, now);',
    replace: 'const settled = { state: before, entries: [] }; void settle;',
    killedBy: ['test/domain'],
  },
  {
    name: 'anybody may answer',
    file: 'src/domain/actions.ts',
    find: "actor === 'respondent' && role !== dispute.respondent.role",
    replace: "actor === 'respondent' && role === undefined",
    killedBy: ['test/domain'],
  },
  {
    name: 'strangers are not kept out',
    file: 'src/store/locks.ts',
    find: '.where(and(isTarget(tx, target), visible))',
    replace: '.where(and(isTarget(tx, target), visible && undefined))',
    killedBy: ['test/operations/keys.test.ts', 'test/security'],
  },
  {
    name: 'the deadline is derived again when it is read',
    file: 'src/store/rows.ts',
    find: '    respondBy: row.respondBy,\n',
    replace: '    respondBy: row.openedAt + 172_800_000,\n',
    killedBy: ['test/workers/deadline.test.ts'],
  },
  {
    name: 'an answer is not kept with its key',
    file: 'src/operations/write.ts',
    find: 'if (key !== null) await keepResponse(',
    replace: 'if (key !== null && decision.rejection !== null) await keepResponse(',
    killedBy: ['test/operations/keys.test.ts', 'test/operations/at-once.test.ts'],
  },
  {
    name: 'a refusal is not kept with its key',
    file: 'src/operations/write.ts',
    find: 'if (key !== null) await keepResponse(',
    replace: 'if (key !== null && decision.rejection === null) await keepResponse(',
    killedBy: ['test/operations/keys.test.ts'],
  },
  {
    name: 'a key does not care for its request',
    file: 'src/operations/idempotent.ts',
    find: 'const isSame = claim.fingerprint === key.fingerprint;',
    replace: 'const isSame = claim.fingerprint !== undefined;',
    killedBy: ['test/operations/keys.test.ts'],
  },
  {
    name: 'a key is not claimed while its request runs',
    file: 'src/store/idempotency.ts',
    find: "if (rows[0]?.claimed !== true) return { state: 'in_use' };",
    replace: 'void rows;',
    killedBy: ['test/operations/at-once.test.ts', 'test/races'],
  },
  {
    name: 'silence takes effect during a hold',
    file: 'src/domain/transition.ts',
    find: '  const ms = heldMs(dispute, holds, now);',
    replace: '  const ms = heldMs(dispute, holds, now) * 0;',
    killedBy: ['test/domain/holds.test.ts', 'test/operations/holds.test.ts'],
  },
  {
    name: 'time in which holds overlap counts twice',
    file: 'src/domain/holds.ts',
    find: '    counted = end;\n',
    replace: '',
    killedBy: ['test/domain/holds.test.ts'],
  },
  {
    name: 'a commit whose outcome is unknown is repeated without a key',
    file: 'src/platform/retry.ts',
    find: 'if (error instanceof CommitUnknownError) return idempotent;',
    replace: 'if (error instanceof CommitUnknownError) return idempotent || true;',
    killedBy: ['test/platform/retry.test.ts'],
  },
  {
    name: "a failed BEGIN keeps the pool's client",
    file: 'src/platform/database.ts',
    find: '    client.release(unusable);\n',
    replace: '    if (unusable === undefined) client.release(unusable);\n',
    killedBy: ['test/platform/database.test.ts'],
  },
  {
    name: 'a read shows a dispute as open past its deadline',
    file: 'src/operations/read.ts',
    find: '  if (!isUnsettled(open, found.holds, found.now)) return asSeenAt(found, found.now);\n',
    replace: '  if (isUnsettled(open, found.holds, found.now)) return found;\n',
    killedBy: ['test/workers/deadline.test.ts', 'test/http/lists.test.ts', 'test/operations'],
  },
];
