import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DISPUTE_ACTIONS, DISPUTE_TYPES, type DisputeType, ROLES } from '../../../src/domain/rules.ts';
import { REPORTED_STATUSES, type ReportedStatus } from '../../../src/domain/state.ts';
import { T0 } from '../../domain/builders.ts';
import { type Ask, Model } from './model.ts';
import { type Fault, World } from './world.ts';

const RUNS = Number(process.env['MODEL_RUNS'] ?? 500);
const END = 100_000;

interface Turn {
  readonly wait: number | 'until just before respondBy' | 'until respondBy';
  readonly does:
    | { readonly kind: 'ask'; readonly ask: Ask; readonly faults: readonly Fault[]; readonly again: boolean }
    | { readonly kind: 'wake'; readonly times: number }
    | { readonly kind: 'hold'; readonly type: DisputeType | null; readonly backBy: number }
    | { readonly kind: 'release' };
}

const role = fc.constantFrom(...ROLES);
const currency = fc.constantFrom('USD', 'JPY');
// Some of these lie within the second of another.
const date = fc.constantFrom(60, 500, 1_200, 3_000, 3_500, 9_000);
// Some of these pass while the request is open.
const ahead = fc.constantFrom(0, 5, 20, 40, 500, 2_000, 9_000);
const change = fc
  .record({ date: fc.option(ahead), currency: fc.option(currency) })
  .filter((parts) => parts.date !== null || parts.currency !== null);
const asking: fc.Arbitrary<Ask> = fc.oneof(
  {
    arbitrary: fc.record({
      what: fc.constant('open' as const),
      type: fc.constantFrom(...DISPUTE_TYPES, ...Array<DisputeType>(4).fill('order_change')),
      by: role,
      change,
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ what: fc.constantFrom(...DISPUTE_ACTIONS, 'accept' as const), by: role }), weight: 4 },
  {
    arbitrary: fc.record({
      what: fc.constant('report' as const),
      // What ends an order ends a history, so it is rare.
      status: fc.constantFrom<ReportedStatus>(
        ...Array(5).fill(REPORTED_STATUSES.slice(0, 5)).flat(),
        ...REPORTED_STATUSES,
      ),
      revision: fc.constantFrom(1, 1, 1, 0, -1),
      date: fc.option(date),
      currency,
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ what: fc.constantFrom('seen' as const, 'notified' as const), by: role }), weight: 2 },
);

const fault = fc.constantFrom<Fault>('before the commit', 'after the commit');
const turn: fc.Arbitrary<Turn> = fc.record({
  wait: fc.oneof(
    { arbitrary: fc.integer({ min: 0, max: 40 }), weight: 4 },
    { arbitrary: fc.constantFrom('until just before respondBy' as const, 'until respondBy' as const), weight: 1 },
  ),
  does: fc.oneof(
    {
      arbitrary: fc.record({
        kind: fc.constant('ask' as const),
        ask: asking,
        faults: fc.array(fault, { maxLength: 2 }),
        again: fc.boolean(),
      }),
      weight: 8,
    },
    { arbitrary: fc.record({ kind: fc.constant('wake' as const), times: fc.integer({ min: 1, max: 3 }) }), weight: 2 },
    {
      arbitrary: fc.record({
        kind: fc.constant('hold' as const),
        type: fc.option(fc.constantFrom(...DISPUTE_TYPES)),
        backBy: fc.constantFrom(0, 0, 1, 15, 60),
      }),
      weight: 1,
    },
    { arbitrary: fc.record({ kind: fc.constant('release' as const) }), weight: 1 },
  ),
});

/** A request whose sender gets no answer comes again with the same key, and sometimes one that got an answer does, too. */
function insist(
  world: World,
  ask: Ask,
  now: number,
  key: string,
  faults: readonly Fault[],
  again: boolean,
): string | null {
  for (const fault of faults) world.tell(ask, now, key, fault);
  const answer = world.tell(ask, now, key, 'none');
  if (again) expect(world.tell(ask, now, key, 'none')).toBe(answer);
  return answer;
}

function waited(now: number, wait: Turn['wait'], model: Model): number {
  if (typeof wait === 'number') return now + wait;
  const respondBy = model.open?.respondBy ?? now;
  return Math.max(now, wait === 'until respondBy' ? respondBy : respondBy - 1);
}

/** A request with its revision and its dates counted from where a history is. */
function placed(ask: Ask, revision: number, now: number): Ask {
  if (ask.what === 'report') return { ...ask, revision: revision + ask.revision };
  if (ask.what !== 'open' || ask.change.date === null) return ask;
  return { ...ask, change: { ...ask.change, date: now + ask.change.date } };
}

/** What one turn does, and the answer that it gets; null where it asks for nothing. A change that is seen is in the log. */
function play(world: World, model: Model, { does }: Turn, now: number, key: string): string | null {
  switch (does.kind) {
    case 'wake':
      for (let time = 0; time < does.times; time += 1) world.wake(now);
      return null;
    case 'hold': {
      // What is due takes effect first: in the model it does so at once.
      world.wake(now);
      const from = now - does.backBy;
      model.hold(does.type, from);
      world.holds = [...world.holds, { id: key, type: does.type, orderIds: null, from: T0 + from, until: null }];
      return null;
    }
    case 'release': {
      const last = model.holds.findIndex(({ until }) => until === null);
      if (last < 0) return null;
      model.holds[last] = { ...(model.holds[last] as Model['holds'][number]), until: now };
      world.holds = world.holds.map((hold, index) => (index === last ? { ...hold, until: T0 + now } : hold));
      return null;
    }
    default: {
      const isAct = does.ask.what !== 'open' && does.ask.what !== 'report';
      if (isAct && model.last === null) return null;
      const ask = placed(does.ask, model.revision, now);
      const before = world.see(now);
      const logged = world.log.length;
      const answer = insist(world, ask, now, key, does.faults, does.again);
      expect(answer).toBe(model.tell(ask));
      if (world.log.length === logged) expect(world.see(now)).toEqual(before);
      return answer;
    }
  }
}

const placedAt = (step: number | null | undefined) => (step === null || step === undefined ? null : T0 + step);

function expectedOf(model: Model) {
  const { last, status, reported, revision, date: agreed, extras } = model;
  return {
    status,
    seen: placedAt(last?.seen),
    notified: placedAt(last?.notified),
    reported,
    revision,
    date: agreed,
    currency: model.currency,
    extras,
    resolution: last?.resolution ?? null,
    isHeld: model.held,
    respondBy: last === null ? undefined : T0 + last.respondBy,
  };
}

const asks = (ask: Ask): Turn => ({ wait: 0, does: { kind: 'ask', ask, faults: [], again: false } });
/** A client that asks and takes it back, again and again. */
const restless = fc
  .constantFrom(0, 0, 0, 9, 10, 11)
  .map((times) =>
    Array.from({ length: times }, () => [
      asks({ what: 'open', type: 'cancellation', by: 'client', change: { date: null, currency: null } }),
      asks({ what: 'withdraw', by: 'client' }),
    ]).flat(),
  );
/** A change that is asked for, overtaken by a report or not, and accepted. */
const overtaken = fc
  .record({ change, date: fc.option(date), currency })
  .map(({ change: asked, ...reported }) => [
    asks({ what: 'open', type: 'order_change', by: 'freelancer', change: asked }),
    asks({ what: 'report', status: 'in_progress', revision: 1, ...reported }),
    asks({ what: 'accept', by: 'client' }),
  ]);
const scenes = fc.oneof({ arbitrary: turn.map((one) => [one]), weight: 12 }, { arbitrary: overtaken, weight: 1 });
const histories = fc
  .tuple(restless, fc.array(scenes, { minLength: 5, maxLength: 40, size: 'max' }))
  .map(([before, turns]) => [...before, ...turns.flat()]);

/** Plays a history in the world and in the model, and holds one against the other after each turn. */
function playAll(turns: readonly Turn[], answers = new Set<string>()): void {
  const world = new World();
  const model = new Model();
  let now = 0;
  for (const [index, one] of turns.entries()) {
    now = waited(now, one.wait, model);
    model.walkTo(now);
    const answer = play(world, model, one, now, `key-${index}`);
    if (answer !== null) answers.add(answer);
    expect(world.see(now)).toEqual(expectedOf(model));
  }
  const versions = world.log.map(({ orderVersion }) => orderVersion);
  expect(versions).toEqual(versions.map((_, index) => index + 1));
}

test(`the rules do what the contract says, in ${RUNS} histories of requests, faults, repetitions, wake-ups and holds`, () => {
  fc.assert(
    fc.property(histories, (turns) => playAll(turns)),
    { numRuns: RUNS, verbose: 1 },
  );
});

test('the histories meet every answer that depends on what has become of an order', () => {
  const answers = new Set<string>();
  for (const turns of fc.sample(histories, { numRuns: 400, seed: 1 })) playAll(turns, answers);
  const outdated = ['date_passed', 'date_not_later', 'currency_changed'].map((reason) => `change_outdated ${reason}`);
  const bounds = ['dispute_limit_reached', 'cooldown_active'];
  const refusals = [...bounds, 'invalid_change', 'stale_revision', 'order_closed', 'order_not_disputable', ...outdated];
  expect([...answers]).toEqual(expect.arrayContaining(refusals));
});

test('with a clock that jumps either way, no time in the log runs backwards and every dispute ends once, on its side', () => {
  const jump = fc.integer({ min: -200, max: 200 });
  fc.assert(
    fc.property(fc.array(fc.tuple(jump, asking), { maxLength: 40 }), (turns) => {
      const world = new World();
      let now = 0;
      for (const [index, [by, ask]] of turns.entries()) {
        now = Math.max(0, now + by);
        world.wake(now);
        const isAct = ask.what !== 'open' && ask.what !== 'report';
        if (!isAct || world.state.disputes.length > 0) world.tell(ask, now, `key-${index}`, 'none');
      }
      world.wake(END);
      const times = world.log.map(({ at }) => at);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      for (const { id, resolved, respondBy } of world.state.disputes) {
        expect(resolved?.resolution === 'expired').toBe((resolved?.at ?? 0) >= respondBy);
        const ends = world.log.filter(
          ({ dispute, type }) => dispute?.id === id && type === `dispute.${resolved?.resolution}`,
        );
        expect(ends).toHaveLength(1);
      }
    }),
    { numRuns: RUNS },
  );
});
