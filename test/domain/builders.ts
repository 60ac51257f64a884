import type {
  Command,
  DisputeCommand,
  MarkSeen,
  OpenDispute,
  OrderReport,
  Precondition,
  RecordNotice,
  ReportOrder,
} from '../../src/domain/commands.ts';
import { type Decision, decide } from '../../src/domain/decide.ts';
import type { DisputeAction, DisputeType, Resolution, Role } from '../../src/domain/rules.ts';
import type { Change, Dispute, Instant, Order, Party, State } from '../../src/domain/state.ts';
import { applyDue } from '../../src/domain/transition.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** When every order of these tests was first reported and, unless a test says otherwise, its dispute opened. */
export const T0: Instant = Date.UTC(2026, 10, 23, 10);

/** The windows of the contract, written by hand so that no test measures the rules with the rules. */
export const WINDOW: Readonly<Record<DisputeType, number>> = {
  order_update: 48 * HOUR,
  cancellation: 48 * HOUR,
  order_change: 96 * HOUR,
};

/** Every request that exists, with who may make it. */
export const REQUESTS: readonly (readonly [DisputeType, Role])[] = [
  ['order_update', 'client'],
  ['cancellation', 'client'],
  ['cancellation', 'freelancer'],
  ['order_change', 'freelancer'],
];

export const PARTY: Readonly<Record<Role, Party>> = {
  client: { role: 'client', id: 'user-7' },
  freelancer: { role: 'freelancer', id: 'user-9' },
};
export const ORDER_SERVICE = { role: 'order_service', id: 'orders' } as const;

/** What the freelancer of these tests asks for: one more day and one extra. */
export const CHANGE: Change = {
  deliverBy: T0 + 11 * DAY,
  extras: [{ title: 'Source files', price: { amount: 1_500, currency: 'USD' } }],
};

export const other = (role: Role): Role => (role === 'client' ? 'freelancer' : 'client');

export function anOrder(over: Partial<Order> = {}): Order {
  return {
    id: 'order-1001',
    clientId: PARTY.client.id,
    freelancerId: PARTY.freelancer.id,
    status: 'in_revision',
    reportedStatus: 'in_revision',
    deliverBy: T0 + 10 * DAY,
    reportedDeliverBy: T0 + 10 * DAY,
    extras: [],
    disputeCount: 0,
    openings: [],
    declines: [],
    price: { amount: 20_000, currency: 'USD' },
    title: 'A logo',
    livemode: true,
    testClockId: null,
    revision: 1,
    version: 0,
    cancelledByDisputeId: null,
    createdAt: T0,
    updatedAt: T0,
    ...over,
  };
}

/** An order without disputes. */
export const quiet = (over: Partial<Order> = {}): State => ({ order: anOrder(over), disputes: [], holds: [] });

/** A report of the order above, by default the next revision with the same facts. */
export function report(over: Partial<OrderReport> = {}): ReportOrder {
  const order = anOrder();
  return {
    kind: 'report_order',
    precondition: null,
    exclusion: null,
    actor: ORDER_SERVICE,
    clock: null,
    report: {
      orderId: order.id,
      clientId: order.clientId,
      freelancerId: order.freelancerId,
      status: order.reportedStatus,
      deliverBy: order.reportedDeliverBy,
      price: order.price,
      title: order.title,
      livemode: order.livemode,
      testClockId: null,
      revision: 2,
      ...over,
    },
  };
}

/** A request with no more in it than the contract asks of this role. */
export function open(type: DisputeType, role: Role, over: Partial<OpenDispute> = {}): OpenDispute {
  return {
    kind: 'open_dispute',
    precondition: null,
    actor: PARTY[role],
    disputeId: 'dispute-1',
    type,
    reason: type === 'cancellation' && role === 'freelancer' ? 'unable_to_complete' : null,
    comment: type === 'cancellation' && role === 'client' ? 'Two weeks late.' : null,
    change: type === 'order_change' ? CHANGE : null,
    windowMs: WINDOW[type],
    cooldownMs: 0,
    remindersMs: [],
    ...over,
  };
}

/** Something a party does to `dispute-1`, with a comment and without `If-Match` unless the test says otherwise. */
export function act(
  kind: DisputeAction,
  role: Role,
  over: { comment?: string | null; precondition?: Precondition; disputeId?: string } = {},
): DisputeCommand {
  const command = {
    kind,
    actor: PARTY[role],
    disputeId: 'dispute-1',
    precondition: null,
    comment: 'Some words.',
    ...over,
  };
  return command as DisputeCommand;
}

/** A look of a party at `dispute-1`. */
export const seenBy = (role: Role, over: { precondition?: Precondition } = {}): MarkSeen => ({
  kind: 'mark_seen',
  actor: PARTY[role],
  disputeId: 'dispute-1',
  precondition: null,
  ...over,
});

export const NOTIFIER = { role: 'notifier', id: 'mail' } as const;

/** A message about `dispute-1` that reached a party. */
export const notified = (
  role: Role,
  channel: string,
  at: Instant,
  over: { precondition?: Precondition } = {},
): RecordNotice => ({
  kind: 'record_notice',
  actor: NOTIFIER,
  disputeId: 'dispute-1',
  notification: { role, channel, at },
  precondition: null,
  ...over,
});

/** The state after commands at one instant each; a refusal is a mistake of the test. */
export function after(state: State, ...steps: readonly (readonly [Command, Instant])[]): State {
  return steps.reduce((current, [command, now]) => {
    const { rejection, state: next } = decide(current, command, now);
    if (rejection !== null) throw new Error(`${command.kind} was refused: ${rejection.code}`);
    return next;
  }, state);
}

/** An order with one open request, made at T0. */
export function opened(type: DisputeType, role: Role, order: Partial<Order> = {}): State {
  return after(quiet(order), [open(type, role), T0]);
}

/** An order whose only request ended in a given way: an hour after T0, or at its deadline. */
export function ended(type: DisputeType, opener: Role, resolution: Resolution): State {
  const state = opened(type, opener);
  const at = T0 + HOUR;
  switch (resolution) {
    case 'accepted':
      return after(state, [act('accept', other(opener)), at]);
    case 'declined':
      return after(state, [act('decline', other(opener)), at]);
    case 'answered':
      return after(state, [act('provide_update', other(opener)), at]);
    case 'withdrawn':
      return after(state, [act('withdraw', opener), at]);
    case 'superseded':
      return after(state, [report({ status: 'completed' }), at]);
    case 'expired':
      return applyDue(state, T0 + WINDOW[type]).state;
    default:
      return resolution satisfies never;
  }
}

export function orderOf({ order }: Pick<State, 'order'>): Order {
  if (order === null) throw new Error('the state has no order');
  return order;
}

export function disputeOf({ disputes }: Pick<State, 'disputes'>, id = 'dispute-1'): Dispute {
  const dispute = disputes.find((candidate) => candidate.id === id);
  if (dispute === undefined) throw new Error(`the state has no ${id}`);
  return dispute;
}

/** The code of a refusal, or null if the command was carried out. */
export const codeOf = (decision: Decision): string | null => decision.rejection?.code ?? null;

/** The log entries of a decision, reduced to what happened and what it replaced. */
export const logOf = (decision: Decision) => decision.entries.map(({ type, previous }) => ({ type, previous }));

/** Freezes a value and everything in it, so that a change of it throws. */
export function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}
