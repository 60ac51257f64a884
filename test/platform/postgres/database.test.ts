import { sql } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  CommitUnknownError,
  type Database,
  isTransient,
  prepared,
  type Reads,
  sqlStateOf,
  type Tx,
  withTx,
} from '../../../src/platform/postgres/database.ts';
import { createDatabase, type TestDatabase } from '../../harness/database.ts';
import { observedDatabase, type Statement } from '../../proofs/races/observed-database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await database.query('CREATE TABLE notes (id integer PRIMARY KEY, twin integer)');
  await database.query(
    'ALTER TABLE notes ADD CONSTRAINT has_twin FOREIGN KEY (twin) REFERENCES notes DEFERRABLE INITIALLY DEFERRED',
  );
});

const note =
  (id: number, twin: number | null = null) =>
  async (tx: Tx) => {
    await tx.execute(sql`INSERT INTO notes VALUES (${id}, ${twin})`);
    return id;
  };
const isNoted = async (id: number) => (await database.query('SELECT 1 FROM notes WHERE id = $1', [id])).length === 1;
const kill = (pid: number) => database.query('SELECT pg_terminate_backend($1)', [pid]);
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.then(() => null).catch((error: unknown) => error);

/** A database of two connections on which something happens to statements that begin in a way. */
function disturbed(start: string, disturb: (statement: Statement) => Promise<unknown>) {
  let isOn = true;
  const db = observedDatabase(
    database.url,
    (statement) => (isOn && statement.text.startsWith(start) ? disturb(statement) : statement.send()),
    2,
  );
  return {
    db,
    calm: () => {
      isOn = false;
    },
  };
}

test('a connection that breaks before BEGIN is given back, a hundred times', async () => {
  const { db, calm } = disturbed('BEGIN', async ({ pid, send }) => {
    await kill(pid);
    return await send();
  });
  for (let time = 0; time < 100; time += 1) {
    const failure = await failureOf(withTx(db, note(1)));
    expect(isTransient(failure)).toBe(true);
  }
  expect(db.pool.totalCount).toBeLessThanOrEqual(2);
  calm();
  expect(await Promise.all([withTx(db, note(1)), withTx(db, note(2))])).toEqual([1, 2]);
});

describe('work that fails', () => {
  test('is rolled back, and its connection is used again', async () => {
    const pids: number[] = [];
    const { db } = disturbed('BEGIN', ({ pid, send }) => {
      pids.push(pid);
      return send();
    });
    const failing = withTx(db, async (tx) => {
      await note(10)(tx);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await withTx(db, note(11));
    expect([await isNoted(10), await isNoted(11)]).toEqual([false, true]);
    expect(new Set(pids).size).toBe(1);
  });

  test('in a query that it hides does not count as committed', async () => {
    const { db } = disturbed('never', ({ send }) => send());
    const hiding = withTx(db, async (tx) => {
      await note(12)(tx);
      await note(12)(tx).catch(() => {});
    });
    await expect(hiding).rejects.toThrow(/ROLLBACK/);
    expect(await isNoted(12)).toBe(false);
  });

  test('when the connection breaks under it throws the connection away', async () => {
    const { db, calm } = disturbed('INSERT', async ({ pid, send }) => {
      await kill(pid);
      return await send();
    });
    expect(isTransient(await failureOf(withTx(db, note(13))))).toBe(true);
    calm();
    expect(await withTx(db, note(13))).toBe(13);
  });
});

describe('a commit', () => {
  test.each([
    [
      'before it was done',
      20,
      false,
      async ({ pid, send }: Statement) => {
        await kill(pid);
        return await send();
      },
    ],
    [
      'after it was done',
      21,
      true,
      async ({ send }: Statement) => {
        await send();
        throw new Error('Connection terminated unexpectedly');
      },
    ],
  ] as const)('whose connection breaks %s is unknown to the caller', async (_when, id, isDone, disturb) => {
    const { db } = disturbed('COMMIT', disturb);
    const failure = await failureOf(withTx(db, note(id)));
    expect(failure).toBeInstanceOf(CommitUnknownError);
    expect(isTransient(failure)).toBe(true);
    expect(await isNoted(id)).toBe(isDone);
  });

  test('that the server refuses is known not to have happened', async () => {
    const { db } = disturbed('never', ({ send }) => send());
    const failure = await failureOf(withTx(db, note(22, 99)));
    expect(failure).not.toBeInstanceOf(CommitUnknownError);
    expect(sqlStateOf(failure)).toBe('23503');
    expect(await isNoted(22)).toBe(false);
  });
});

test('a lock is waited for two seconds at most, and a transaction in which nothing happens ends after three', async () => {
  const { db } = disturbed('never', ({ send }) => send());
  const limits = await withTx(db, async (tx) => {
    const { rows } = await tx.execute(
      sql`SELECT name, setting FROM pg_settings WHERE name LIKE '%\_timeout' AND source = 'session'`,
    );
    return Object.fromEntries(rows.map(({ name, setting }) => [String(name), String(setting)]));
  });
  expect(limits).toEqual({
    lock_timeout: '2000',
    statement_timeout: '4000',
    idle_in_transaction_session_timeout: '2000',
  });
});

describe('a read whose connection ends under it', () => {
  const read = (db: Database) => db.query.execute(sql`SELECT 1 AS one FROM notes LIMIT 1`);

  test('is done again on another one, once', async () => {
    const { db, calm } = disturbed('SELECT 1 AS one', async ({ pid, send }) => {
      calm();
      await kill(pid);
      return await send();
    });
    expect((await read(db)).rows).toEqual([{ one: 1 }]);
    let times = 0;
    const { db: doomed } = disturbed('SELECT 1 AS one', async ({ pid, send }) => {
      times += 1;
      await kill(pid);
      return await send();
    });
    expect(isTransient(await failureOf(read(doomed)))).toBe(true);
    expect(times).toBe(2);
  });
});

describe('prepared statements', () => {
  const read = (id: number) => (tx: Tx) => tx.execute(sql`SELECT id, twin FROM notes WHERE id = ${id}`);
  const connected = () => disturbed('nothing', ({ send }) => send()).db;

  test('are planned once for each connection', async () => {
    const db = connected();
    for (let time = 0; time < 3; time += 1) await withTx(db, read(1));
    const { rows } = await db.pool.query(
      'SELECT sum(generic_plans + custom_plans)::integer AS used FROM pg_prepared_statements',
    );
    expect(rows).toEqual([{ used: 3 }]);
  });

  test('that a pooler has lost are not seen by a caller, and are done without from then on', async () => {
    const db = connected();
    await withTx(db, read(1));
    await db.pool.query('DEALLOCATE ALL');
    await withTx(db, read(1));
    const { rows } = await db.pool.query('SELECT name FROM pg_prepared_statements');
    expect(rows).toEqual([]);
  });

  test('that a pooler has lost have what was written before rolled back, and written once', async () => {
    const db = connected();
    await withTx(db, read(1));
    await db.pool.query('DEALLOCATE ALL');
    let runs = 0;
    const work = async (tx: Tx) => {
      runs += 1;
      await tx.execute(sql`INSERT INTO notes VALUES (${900})`);
      await read(1)(tx);
    };
    await withTx(db, work);
    expect([runs, await isNoted(900)]).toEqual([2, true]);
  });

  const twinOf = prepared('twin', (db: Reads) =>
    db
      .select({ twin: sql<number | null>`twin` })
      .from(sql`notes`)
      .where(sql`id = ${sql.placeholder('id')}`),
  );
  const KINDS: [string, (db: Database) => Promise<unknown>][] = [
    ['a transaction', (db) => withTx(db, read(1))],
    ['a read', (db) => twinOf(db.query).execute({ id: 1 })],
  ];
  const LOSSES: [string, (db: Database) => Promise<unknown>][] = [
    ['a pooler that deallocates them', ({ pool }) => pool.query('DEALLOCATE ALL')],
    ['a pooler that resets its sessions', ({ pool }) => pool.query('DISCARD ALL')],
    ['a server that ends its sessions', async () => await database.query(END_OTHERS)],
    ['a migration that changes a type', async () => await database.query(nextType())],
  ];
  const END_OTHERS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`;
  let types = 0;
  const nextType = () => {
    types += 1;
    return `ALTER TABLE notes ALTER twin TYPE ${types % 2 === 1 ? 'bigint' : 'integer'}`;
  };

  test.each(KINDS.flatMap(([kind, ask]) => LOSSES.map(([loss, lose]) => [kind, loss, ask, lose] as const)))(
    'of %s are not missed by its caller after %s',
    async (kind, loss, ask, lose) => {
      const db = connected();
      // On both of its connections.
      await Promise.all([ask(db), ask(db)]);
      await Promise.all([ask(db), ask(db)]);
      await lose(db);
      // Where its session ended, a transaction is left to its caller, who knows whether it may be done again: on each of the
      // connections, unless the pool has noticed its end before.
      if (kind === 'a transaction' && loss.startsWith('a server')) await Promise.allSettled([ask(db), ask(db)]);
      await Promise.all([ask(db), ask(db)]);
    },
  );
});
