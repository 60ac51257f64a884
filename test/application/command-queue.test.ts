import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createCore, OverloadedError } from '../../src/application/command-queue.ts';
import type { CoreDeps } from '../../src/application/write.ts';
import { CommitUnknownError, withTx } from '../../src/platform/postgres/database.ts';
import { lockOrders } from '../../src/store/locks.ts';
import { faultsOf } from '../proofs/races/judge.ts';
import { acting, ask, opening, reporting, writeDepsOf } from '../proofs/races/moves.ts';
import { observedDatabase, type Statement } from '../proofs/races/observed-database.ts';
import { CLIENT, FREELANCER, type Stage, setOrder, setStage } from '../proofs/races/stage.ts';

const cancellation = { type: 'cancellation', by: CLIENT } as const;

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
  // An order of which nothing can be written, as if its row were damaged.
  await stage.database.query('CREATE TABLE poisoned (order_id text)');
  await stage.database.query(`CREATE FUNCTION refuse_poisoned() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT 1 FROM poisoned p WHERE p.order_id = NEW.id) THEN RAISE EXCEPTION 'poisoned'; END IF;
    RETURN NEW; END $$`);
  await stage.database.query(
    'CREATE TRIGGER refuse_poisoned BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION refuse_poisoned()',
  );
});

/** The write path, with all statements that it has sent, and something that may happen to each. */
function observed(disturb: (statement: Statement) => Promise<unknown> = ({ send }) => send()) {
  const sent: string[] = [];
  const db = observedDatabase(stage.database.url, (statement) => {
    sent.push(statement.text);
    return disturb(statement);
  });
  const deps = writeDepsOf(db);
  const count = (start: string) => sent.filter((text) => text.startsWith(start)).length;
  return { deps, commits: () => count('COMMIT'), rollbacks: () => count('ROLLBACK'), sent };
}

const several = (count: number) => Promise.all(Array.from({ length: count }, () => setOrder(stage, cancellation)));
const accept = (deps: CoreDeps, disputeId: string, key?: string) =>
  ask(deps, acting(disputeId, FREELANCER, 'accept'), key === undefined ? {} : { key });

async function resolutionOf(disputeId: string): Promise<string | null> {
  const [row] = await stage.database.query<{ resolution: string | null }>(
    'SELECT resolution FROM disputes WHERE id = $1',
    [disputeId],
  );
  return row?.resolution ?? null;
}

/** Locks an order until the test is over or it is let go. */
async function hold(orderId: string): Promise<() => Promise<void>> {
  let letGo = () => {};
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let holder: Promise<unknown> = Promise.resolve();
  await new Promise<void>((resolve) => {
    holder = withTx(
      stage.quiet.db,
      async (tx) => {
        await lockOrders(tx, [{ target: { orderId }, partyId: null }], 'wait');
        resolve();
        await released;
      },
      { frozenAfterMs: 10_000 },
    );
  });
  const end = async () => {
    letGo();
    await holder;
  };
  onTestFinished(end);
  return end;
}

describe('commands that come together', () => {
  test('are carried out in one transaction, each with its own answer', async () => {
    const orders = await several(5);
    const [refused, ...others] = orders;
    await accept(stage.quiet, refused?.disputeId ?? '');
    const { deps, commits } = observed();
    const told = await Promise.all(orders.map(({ disputeId }) => accept(deps, disputeId)));
    expect(told.map(({ verdict }) => verdict)).toEqual(['dispute_not_open', ...others.map(() => 'done')]);
    expect(commits()).toBe(1);
    for (const { orderId } of orders) expect(await faultsOf(stage.database, orderId)).toEqual([]);
  });

  test('are openings, answers and reports, by orders and by disputes', async () => {
    const first = await setOrder(stage);
    const second = await setOrder(stage, cancellation);
    const third = await setOrder(stage);
    const { deps, commits } = observed();
    const told = await Promise.all([
      ask(deps, opening(first.orderId, CLIENT, 'cancellation')),
      ask(deps, acting(second.disputeId, CLIENT, 'withdraw'), { key: 'mixed' }),
      ask(deps, reporting(third.orderId, 'delivered', 2)),
    ]);
    expect(told.map(({ verdict }) => verdict)).toEqual(['done', 'done', 'done']);
    expect(commits()).toBe(1);
  });

  test('are answered after the COMMIT, and not before', async () => {
    const orders = await several(3);
    let answered = 0;
    let answeredBefore: number | undefined;
    const { deps } = observed(async ({ text, send }) => {
      const answer = await send();
      if (text === 'COMMIT') {
        // All that could already be told is told by now.
        await new Promise((resolve) => setImmediate(resolve));
        answeredBefore ??= answered;
      }
      return answer;
    });
    await Promise.all(
      orders.map(async ({ disputeId }) => {
        await accept(deps, disputeId);
        answered += 1;
      }),
    );
    expect([answeredBefore, answered]).toEqual([0, 3]);
  });

  test('send the same statements for any number of commands, so that they stay prepared', async () => {
    const { deps, sent } = observed();
    await Promise.all((await several(2)).map(({ disputeId }) => accept(deps, disputeId, `two ${disputeId}`)));
    const first = sent.splice(0);
    await Promise.all((await several(7)).map(({ disputeId }) => accept(deps, disputeId, `seven ${disputeId}`)));
    expect(sent).toEqual(first);
  });
});

describe('a command that a batch cannot decide', () => {
  test('waits for its locked order on its own, and its neighbours do not', async () => {
    const [locked, free] = await several(2);
    const letGo = await hold(locked?.orderId ?? '');
    const { deps, rollbacks } = observed();
    const waiting = accept(deps, locked?.disputeId ?? '');
    expect(await accept(deps, free?.disputeId ?? '')).toMatchObject({ verdict: 'done' });
    // Not after a batch that gave up waiting.
    expect(rollbacks()).toBe(0);
    expect(await resolutionOf(locked?.disputeId ?? '')).toBeNull();
    await letGo();
    expect(await waiting).toMatchObject({ verdict: 'done' });
  });

  test('is refused without waiting for its locked order if its batch has used up the time that a caller waits', async () => {
    const { orderId, disputeId } = await setOrder(stage, cancellation);
    await hold(orderId);
    const clock = performance.now.bind(performance);
    let passedMs = 0;
    const clocks = vi.spyOn(performance, 'now').mockImplementation(() => clock() + passedMs);
    onTestFinished(() => clocks.mockRestore());
    const { deps, commits, sent } = observed(async ({ text, send }) => {
      if (text === 'COMMIT') passedMs = 2_001;
      return await send();
    });
    await expect(accept(deps, disputeId)).rejects.toThrow(OverloadedError);
    expect(commits()).toBe(1);
    expect(sent.filter((text) => /for (no key )?update/i.test(text)).every((text) => /skip locked/i.test(text))).toBe(
      true,
    );
    expect(await resolutionOf(disputeId)).toBeNull();
  });

  test('is told that there is no such order if it is missing, or not its caller’s', async () => {
    const [theirs] = await several(1);
    const { deps, rollbacks } = observed();
    const told = await Promise.all([
      ask(deps, opening('no-such-order', CLIENT, 'cancellation')),
      // By its id, so that it is in one batch with the answer of a party.
      ask(deps, { ...opening(theirs?.orderId ?? '', CLIENT, 'order_update'), partyId: 'a-stranger' }),
      accept(deps, theirs?.disputeId ?? ''),
    ]);
    expect(told.map(({ verdict }) => verdict)).toEqual(['not_found', 'not_found', 'done']);
    expect(rollbacks()).toBe(0);
  });

  test('makes an order that is reported for the first time', async () => {
    const { deps } = observed();
    const [known] = await several(1);
    const told = await Promise.all([
      ask(deps, reporting('reported-in-a-batch', 'in_progress', 1)),
      accept(deps, known?.disputeId ?? ''),
    ]);
    expect(told.map(({ verdict }) => verdict)).toEqual(['done', 'done']);
    expect(await faultsOf(stage.database, 'reported-in-a-batch')).toEqual([]);
  });

  test('sees what the one before it has done to the same order, named by its id or by its dispute', async () => {
    const [one] = await several(1);
    const { orderId, disputeId } = one ?? { orderId: '', disputeId: '' };
    const { deps, rollbacks } = observed();
    const told = await Promise.all([
      ask(deps, acting(disputeId, CLIENT, 'withdraw')),
      ask(deps, acting(disputeId, FREELANCER, 'accept')),
      ask(deps, opening(orderId, CLIENT, 'order_update')),
      ask(deps, reporting(orderId, 'delivered', 2)),
    ]);
    expect(told.map(({ verdict }) => verdict)).toEqual(['done', 'dispute_not_open', 'done', 'done']);
    expect(rollbacks()).toBe(0);
    expect(await faultsOf(stage.database, orderId)).toEqual([]);
  });

  test('has one effect if its key comes twice', async () => {
    const [one] = await several(1);
    const { deps } = observed();
    const told = await Promise.all([
      ask(deps, acting(one?.disputeId ?? '', CLIENT, 'add_comment'), { key: 'twice' }),
      ask(deps, acting(one?.disputeId ?? '', CLIENT, 'add_comment'), { key: 'twice' }),
      ask(deps, acting(one?.disputeId ?? '', CLIENT, 'add_comment'), { key: 'twice', fingerprint: 'another' }),
    ]);
    expect(told.map(({ verdict, replayed }) => [verdict, replayed])).toEqual([
      ['done', false],
      ['done', true],
      ['key_reused', false],
    ]);
  });
});

test('a key that comes twice for two orders carries out the first request only', async () => {
  const [first, second] = await several(2);
  const { deps, rollbacks } = observed();
  const told = await Promise.all([
    ask(deps, acting(first?.disputeId ?? '', FREELANCER, 'accept'), { key: 'two orders', fingerprint: 'first' }),
    ask(deps, acting(second?.disputeId ?? '', FREELANCER, 'accept'), { key: 'two orders', fingerprint: 'second' }),
  ]);
  expect(told.map(({ verdict }) => verdict)).toEqual(['done', 'key_reused']);
  expect(rollbacks()).toBe(0);
  expect(await resolutionOf(second?.disputeId ?? '')).toBeNull();
});

describe('a batch that fails', () => {
  test('because of one row costs its neighbours nothing: each is carried out on its own', async () => {
    const orders = await several(4);
    const poisoned = orders[1];
    await stage.database.query('INSERT INTO poisoned VALUES ($1)', [poisoned?.orderId]);
    const { deps } = observed();
    const told = await Promise.allSettled(orders.map(({ disputeId }) => accept(deps, disputeId)));
    expect(told.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    const resolutions = await Promise.all(orders.map(({ disputeId }) => resolutionOf(disputeId)));
    expect(resolutions).toEqual(['accepted', null, 'accepted', 'accepted']);
    for (const { orderId } of orders) expect(await faultsOf(stage.database, orderId)).toEqual([]);
  });

  test.each([
    ['was done', true],
    ['was not done', false],
  ])('without an answer to a COMMIT that %s: with a key it is repeated, without one it is not', async (_, isDone) => {
    const [keyed, unkeyed] = await several(2);
    let isOver = false;
    const { deps } = observed(async ({ text, pid, send }) => {
      if (isOver || text !== 'COMMIT') return await send();
      isOver = true;
      if (isDone) await send();
      else await stage.database.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
      if (isDone) throw new Error('Connection terminated unexpectedly');
      return await send();
    });
    const [first, second] = await Promise.allSettled([
      accept(deps, keyed?.disputeId ?? '', `unknown ${isDone}`),
      accept(deps, unkeyed?.disputeId ?? ''),
    ]);
    expect(first).toMatchObject({ value: { verdict: 'done', replayed: isDone } });
    expect(second).toMatchObject({ reason: expect.any(CommitUnknownError) });
    expect(await resolutionOf(keyed?.disputeId ?? '')).toBe('accepted');
    expect(await resolutionOf(unkeyed?.disputeId ?? '')).toBe(isDone ? 'accepted' : null);
  });
});

describe('the queue', () => {
  /** A queue whose transactions do not end before they are let go, and whose clock stands still: nothing waits for too long. */
  function stopped() {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
    onTestFinished(() => clock.mockRestore());
    let letGo = () => {};
    const released = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const sizes: number[] = [];
    const db = observedDatabase(stage.database.url, async ({ text, send }) => {
      if (text === 'COMMIT') await released;
      return await send();
    });
    const core = createCore(
      { db, newId: stage.quiet.newId, onCommitted: () => {} },
      { onBatch: (queued) => void sizes.push(queued.length) },
    );
    return { core, letGo, sizes };
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  test('refuses what it has no room for, at once, and carries out the rest', async () => {
    const { core, letGo } = stopped();
    const asked = Array.from({ length: 2_001 }, (_, n) =>
      ask(core, opening(`no-order-${n}`, CLIENT, 'cancellation')).then(({ verdict }) => verdict),
    );
    await expect(asked.at(-1)).rejects.toThrow(OverloadedError);
    letGo();
    const told = await Promise.allSettled(asked.slice(0, 64));
    expect(told.every((one) => one.status === 'fulfilled')).toBe(true);
    await Promise.allSettled(asked);
  });

  test('gives every caller a turn, however many commands another one has sent before', async () => {
    const orders = await several(300);
    const [last, ...before] = orders.toReversed();
    const { core, letGo, sizes } = stopped();
    const busy = before.map(({ disputeId }) => ask(core, acting(disputeId, CLIENT, 'withdraw')));
    const other = ask(core, acting(last?.disputeId ?? '', FREELANCER, 'accept'));
    await turn();
    letGo();
    await other;
    // It was in the first batch, and the last one has not begun.
    expect(sizes.length).toBeLessThan(5);
    await Promise.all(busy);
    expect(sizes).toEqual([64, 64, 64, 64, 44]);
  });
});
