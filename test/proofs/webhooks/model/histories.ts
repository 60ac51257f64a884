import fc from 'fast-check';
import type { SubscribedType } from '../../../../src/webhooks/states.ts';
import { Oracle } from './oracle.ts';
import { type Action, type Attempt, type Reaction, World } from './world.ts';

const ORDERS: readonly string[] = Array.from({ length: 40 }, (_, n) => `order-${n}`);
/** Most histories are about this many orders. */
const FEW = 3;
export const TYPES = ['dispute.opened', 'dispute.accepted'] as const;
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];
/** How long the service waits for an answer. */
const TIMEOUT_MS = 15 * SECOND;

/** How a receiver treats each of a few orders, and, last, messages that try it out. */
type Mood = readonly Reaction[];

/** One thing that happens in a history; numbers choose among what there is when its turn comes. */
export type Op =
  | { readonly kind: 'event'; readonly order: number; readonly type: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'untilDue' }
  | { readonly kind: 'work'; readonly mood: Mood }
  | { readonly kind: 'claim' }
  /** The receiver never answers for the first `hung` orders, refuses the one after them, and accepts all others. */
  | { readonly kind: 'tick'; readonly hung: number; readonly chance: number }
  | { readonly kind: 'answer'; readonly which: readonly number[]; readonly reaction: Reaction }
  | { readonly kind: 'revise' }
  | { readonly kind: 'active'; readonly active: boolean }
  | { readonly kind: 'url'; readonly url: number }
  | { readonly kind: 'types'; readonly types: readonly SubscribedType[] | null }
  | { readonly kind: 'redeliver'; readonly which: number }
  | { readonly kind: 'replay'; readonly which: number }
  | { readonly kind: 'test' };

const chance = fc.constantFrom(0, 0.25, 1);
const wait = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom(0, 500, 20 * SECOND, 40_500, HOUR, 30 * HOUR) },
);
const failure = fc.record({ statusCode: fc.constantFrom(500, 429, 302, null), waitMs: wait, chance });
const success: fc.Arbitrary<Reaction> = fc.record({
  statusCode: fc.constantFrom(200, 204),
  waitMs: fc.constant(null),
  chance,
});
const gone: fc.Arbitrary<Reaction> = fc.record({ statusCode: fc.constant(410), waitMs: fc.constant(null), chance });
const reaction: fc.Arbitrary<Reaction> = fc.oneof(
  { weight: 5, arbitrary: failure },
  { weight: 4, arbitrary: success },
  { weight: 1, arbitrary: gone },
);
const each = (one: fc.Arbitrary<Reaction>): fc.Arbitrary<Mood> => fc.array(one, { minLength: 4, maxLength: 4 });
const mood: fc.Arbitrary<Mood> = fc.oneof(
  { weight: 3, arbitrary: each(failure) },
  { weight: 2, arbitrary: each(success) },
  // One order is refused, and the others are accepted.
  { weight: 3, arbitrary: fc.tuple(failure, success).map(([bad, good]) => [bad, good, good, good]) },
  { weight: 2, arbitrary: each(reaction) },
);
const which = fc.nat(20);

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('event'), order: fc.nat(2), type: fc.nat(1) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wait'),
      ms: fc.constantFrom(
        1,
        SECOND,
        5 * SECOND,
        20 * SECOND,
        MINUTE,
        5 * MINUTE,
        31 * MINUTE,
        3 * HOUR,
        25 * HOUR,
        121 * HOUR,
      ),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('untilDue') }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('work'), mood }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('claim') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('answer'),
      which: fc.array(which, { minLength: 1, maxLength: 4 }),
      reaction,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revise') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('active'), active: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('url'), url: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('types'), types: fc.constantFrom(null, [TYPES[0]], [TYPES[1]]) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('redeliver'), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('replay'), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('test') }) },
);

/** A refused order goes through all ten attempts only if little else happens: some histories are made for that. */
const patience = fc.tuple(failure, fc.array(op, { maxLength: 4 }), fc.nat(11)).map(([bad, others, at]): Op[] => {
  const good: Reaction = { statusCode: 200, waitMs: null, chance: 0 };
  const rounds = Array.from({ length: 12 }, (_, n): Op[] => [
    { kind: 'untilDue' },
    { kind: 'event', order: 1, type: 0 },
    ...(n === at ? others : []),
    { kind: 'work', mood: [bad, good, good, good] },
  ]);
  return [{ kind: 'event', order: 0, type: 0 }, { kind: 'event', order: 0, type: 1 }, ...rounds.flat()];
});

/** An endpoint that fails for a while and is released, and what its receiver answers to the early attempts. */
const release = fc
  .tuple(
    each(failure),
    fc.integer({ min: 1, max: 6 }),
    each(failure),
    fc.constantFrom<Op>({ kind: 'active', active: true }, { kind: 'url', url: 1 }, { kind: 'test' }),
    fc.array(op, { maxLength: 3 }),
  )
  .map(([bad, rounds, early, released, others]): Op[] => [
    ...[0, 1].map((order): Op => ({ kind: 'event', order, type: 0 })),
    ...Array.from({ length: rounds }, (): Op[] => [{ kind: 'work', mood: bad }, { kind: 'untilDue' }]).flat(),
    { kind: 'work', mood: bad },
    released,
    ...others,
    ...Array.from({ length: 3 }, (): Op[] => [{ kind: 'work', mood: early }, { kind: 'untilDue' }]).flat(),
    { kind: 'work', mood: early },
  ]);

/** An earlier event that is asked for again while a later one of its order is under way. */
const replayed = fc
  .tuple(
    fc.constantFrom<Op>({ kind: 'redeliver', which: 0 }, { kind: 'replay', which: 0 }),
    fc.array(op, { maxLength: 2 }),
    mood,
    reaction,
  )
  .map(([again, others, treatment, late]): Op[] => [
    { kind: 'event', order: 0, type: 0 },
    { kind: 'work', mood: Array.from({ length: 4 }, () => ({ statusCode: 200, waitMs: null, chance: 0 })) },
    { kind: 'event', order: 0, type: 1 },
    { kind: 'claim' },
    again,
    ...others,
    { kind: 'work', mood: treatment },
    { kind: 'answer', which: [0], reaction: late },
    { kind: 'work', mood: treatment },
  ]);

const TICK_MS = 500;

/** Orders whose deliveries hang, one that is refused, and others to which something happens meanwhile. */
export function crowd(hung: number, of: { chance: number; ticks: number; at: readonly number[] }): Op[] {
  const { chance, ticks, at } = of;
  const event = (order: number, type = 0): Op => ({ kind: 'event', order, type });
  const tick: readonly Op[] = [
    { kind: 'tick', hung, chance },
    { kind: 'wait', ms: TICK_MS },
  ];
  const other = (n: number) => event(hung + 1 + (n % (ORDERS.length - hung - 1)));
  const serve = (count: number) =>
    Array.from({ length: count }, (_, n): Op[] => [...(at.includes(n) ? [other(n)] : []), ...tick]).flat();
  const first = Array.from({ length: hung + 1 }, (_, order): Op[] => [event(order), event(order, 1)]).flat();
  const rounds = at.map((n): Op[] => [{ kind: 'untilDue' }, other(n), ...serve(10)]);
  return [...first, ...serve(ticks), ...rounds.flat()];
}

const crowded = fc
  .record({
    hung: fc.integer({ min: 0, max: 30 }),
    chance,
    at: fc.array(fc.nat(33), { minLength: 1, maxLength: 5 }),
  })
  .map(({ hung, ...of }) => crowd(hung, { ...of, ticks: 34 }));

export const histories: fc.Arbitrary<readonly Op[]> = fc.oneof(
  { weight: 8, arbitrary: fc.array(op, { minLength: 4, maxLength: 40 }) },
  { weight: 2, arbitrary: patience },
  { weight: 2, arbitrary: release },
  { weight: 2, arbitrary: replayed },
  { weight: 1, arbitrary: crowded },
);

/** Shorter ones, for a world that takes its time. */
export const shortHistories: fc.Arbitrary<readonly Op[]> = fc.array(op, { minLength: 8, maxLength: 25 });

const ROUNDS = 80;

/** Turns operations into actions, one at a time: each depends on what the world has become by the one before. */
export class Script {
  readonly #world: World;
  readonly #claimedAt = new Map<string, number>();
  #serial = 0;

  constructor(world: World) {
    this.#world = world;
  }

  #next(prefix: string): string {
    this.#serial += 1;
    return `${prefix}-${this.#serial}`;
  }

  #pick<T>(from: readonly T[], index: number): T[] {
    const one = from[index % Math.max(1, from.length)];
    return one === undefined ? [] : [one];
  }

  *actions(one: Op): Generator<Action> {
    const world = this.#world;
    switch (one.kind) {
      case 'event': {
        const [orderId = '', type = ''] = [ORDERS[one.order], TYPES[one.type]];
        yield { kind: 'append', event: { messageId: this.#next('message'), orderId, type } };
        return yield { kind: 'fanOut' };
      }
      case 'wait':
        return yield { kind: 'wait', ms: one.ms };
      case 'untilDue': {
        yield { kind: 'revise' };
        const due = world.nextDue();
        if (due !== null && due > world.now) yield { kind: 'wait', ms: due - world.now };
        return;
      }
      case 'work':
        return yield* this.#work(one.mood);
      case 'claim':
        return yield { kind: 'claim', claim: this.#next('claim') };
      case 'tick':
        return yield* this.#serve((attempt) => this.#treatment(attempt, one));
      case 'answer': {
        const chosen = new Set(one.which.flatMap((index) => this.#pick(world.underWay, index)));
        const answers = [...chosen].map((attempt) => ({ ...attempt, ...one.reaction }));
        if (answers.length > 0) yield { kind: 'answer', answers };
        return;
      }
      case 'revise':
        return yield { kind: 'revise' };
      case 'active':
        return yield { kind: 'patch', patch: { active: one.active } };
      case 'url':
        return yield { kind: 'patch', patch: { url: `https://receiver.example/${one.url}` } };
      case 'types':
        return yield { kind: 'patch', patch: { types: one.types } };
      case 'redeliver':
        for (const { messageId } of this.#pick([...world.deliveries.values()], one.which)) {
          yield { kind: 'redeliver', messageId };
        }
        return;
      case 'replay':
        yield { kind: 'replay', after: one.which % (world.log.length + 1) };
        return yield { kind: 'fanOut' };
      case 'test':
        return yield { kind: 'test', messageId: this.#next('message') };
      default:
        return one satisfies never;
    }
  }

  #orderOf({ messageId }: Attempt): number {
    return ORDERS.indexOf(this.#world.deliveries.get(messageId)?.orderId ?? '');
  }

  #work(mood: Mood): Generator<Action> {
    // What was under way before is answered by a step of its own.
    const earlier = new Set(this.#world.underWay.map(({ claim }) => claim));
    return this.#serve((attempt) => {
      const order = this.#orderOf(attempt);
      return earlier.has(attempt.claim) ? null : (mood[order === -1 ? FEW : order % FEW] as Reaction);
    });
  }

  #treatment(attempt: Attempt, { hung, chance }: Op & { kind: 'tick' }): Reaction | null {
    const order = this.#orderOf(attempt);
    if (order >= hung) return { statusCode: order === hung ? 500 : 204, waitMs: null, chance };
    const hasTimedOut = this.#world.now - (this.#claimedAt.get(attempt.claim) ?? 0) >= TIMEOUT_MS;
    return hasTimedOut ? { statusCode: null, waitMs: null, chance } : null;
  }

  /** What the service does in its loops until there is nothing left to do at this moment; null is no answer yet. */
  *#serve(react: (attempt: Attempt) => Reaction | null): Generator<Action> {
    const world = this.#world;
    for (let round = 0; round < ROUNDS; round += 1) {
      yield { kind: 'fanOut' };
      yield { kind: 'revise' };
      const claim = this.#next('claim');
      this.#claimedAt.set(claim, world.now);
      yield { kind: 'claim', claim };
      const answers = world.underWay.flatMap((attempt) => {
        const reaction = react(attempt);
        return reaction === null ? [] : [{ ...attempt, ...reaction }];
      });
      if (answers.length === 0) return;
      yield { kind: 'answer', answers };
    }
  }
}

/** Told of each action that was done, for a second world that does the same. */
type Follow = (action: Action, world: World) => void;

function perform(ops: readonly Op[], world: World, oracle: Oracle, follow: Follow = () => {}): void {
  const script = new Script(world);
  for (const one of ops) {
    for (const action of script.actions(one)) {
      oracle.watch(action, world.apply(action));
      follow(action, world);
    }
    if (one.kind === 'work' || one.kind === 'tick') oracle.atRest();
    // Fewer than 32 hang: each leaves its slot after a second, and the next tick is within half a second.
    if (one.kind === 'tick') oracle.noneWaits(SECOND + TICK_MS);
  }
}

/** Runs a history under the eyes of the oracle; it throws at the first promise that is broken. */
export function runHistory(history: readonly Op[], follow?: Follow): void {
  const world = new World();
  perform(history, world, new Oracle(world), follow);
}

const GOOD: Reaction = { statusCode: 204, waitMs: null, chance: 0 };
const ACCEPTED: Op = { kind: 'work', mood: [GOOD, GOOD, GOOD, GOOD] };
const TURNS = 24;
const RECOVERY: readonly Op[] = [
  { kind: 'active', active: true },
  ACCEPTED,
  ...Array.from({ length: TURNS }, (): Op[] => [{ kind: 'untilDue' }, ACCEPTED]).flat(),
];

/** The same with a receiver that accepts everything in the end. */
export function runToTheEnd(history: readonly Op[]): void {
  const world = new World();
  const oracle = new Oracle(world);
  perform([...history, ...RECOVERY], world, oracle);
  oracle.atEnd();
}
