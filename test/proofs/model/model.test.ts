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
    | { readonly kind: 'hold'; readonly type: DisputeType | null }
    | { readonly kind: 'release' };
}

const role = fc.constantFrom(...ROLES);
const asking: fc.Arbitrary<Ask> = fc.oneof(
  {
    arbitrary: fc.record({ what: fc.constant('open' as const), type: fc.constantFrom(...DISPUTE_TYPES), by: role }),
    weight: 4,
  },
  { arbitrary: fc.record({ what: fc.constantFrom(...DISPUTE_ACTIONS), by: role }), weight: 4 },
  {
    arbitrary: fc.record({
      what: fc.constant('report' as const),
      // What ends an order ends a history, so it is rare.
      status: fc.constantFrom<ReportedStatus>(...REPORTED_STATUSES.slice(0, 5), ...REPORTED_STATUSES),
      revision: fc.integer({ min: -1, max: 1 }),
    }),
    weight: 2,
  },
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
      arbitrary: fc.record({ kind: fc.constant('hold' as const), type: fc.option(fc.constantFrom(...DISPUTE_TYPES)) }),
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

function play(world: World, model: Model, { does }: Turn, now: number, key: string): void {
  switch (does.kind) {
    case 'wake':
      for (let time = 0; time < does.times; time += 1) world.wake(now);
      return;
    case 'hold':
      model.holds.push({ type: does.type, from: now, until: null });
      world.holds = [...world.holds, { id: key, type: does.type, orderIds: null, from: T0 + now, until: null }];
      return;
    case 'release': {
      const last = model.holds.findIndex(({ until }) => until === null);
      if (last < 0) return;
      model.holds[last] = { ...(model.holds[last] as Model['holds'][number]), until: now };
      world.holds = world.holds.map((hold, index) => (index === last ? { ...hold, until: T0 + now } : hold));
      return;
    }
    default: {
      const isAct = does.ask.what !== 'open' && does.ask.what !== 'report';
      if (isAct && model.last === null) return;
      const ask = does.ask.what === 'report' ? { ...does.ask, revision: model.revision + does.ask.revision } : does.ask;
      expect(insist(world, ask, now, key, does.faults, does.again)).toBe(model.tell(ask));
    }
  }
}

function seenBy(model: Model) {
  const { last, status } = model;
  return {
    status,
    resolution: last?.resolution ?? null,
    respondBy: last === null ? undefined : T0 + last.respondBy,
  };
}

test(`the rules do what the contract says, in ${RUNS} histories of requests, faults, repetitions, wake-ups and holds`, () => {
  fc.assert(
    fc.property(fc.array(turn, { minLength: 5, maxLength: 40 }), (turns) => {
      const world = new World();
      const model = new Model();
      let now = 0;
      for (const [index, one] of turns.entries()) {
        now = waited(now, one.wait, model);
        model.walkTo(now);
        play(world, model, one, now, `key-${index}`);
        expect(world.see(now)).toEqual(seenBy(model));
      }
      const versions = world.log.map(({ orderVersion }) => orderVersion);
      expect(versions).toEqual(versions.map((_, index) => index + 1));
    }),
    { numRuns: RUNS, verbose: 1 },
  );
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
