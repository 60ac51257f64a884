import type { DisputeType, Resolution, Role } from './rules.ts';

/** Milliseconds since the Unix epoch, UTC. */
export type Instant = number;

/** The statuses that the order service may report. */
export const REPORTED_STATUSES = [
  'pending_requirements',
  'in_progress',
  'late',
  'in_revision',
  'delivered',
  'completed',
  'cancelled',
] as const;
export type ReportedStatus = (typeof REPORTED_STATUSES)[number];

/** All statuses of an order; the last two are set here and nowhere else. */
export const ORDER_STATUSES = [...REPORTED_STATUSES, 'in_dispute', 'mutually_cancelled'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** Whether a reported status ends the order. */
export function isTerminal(status: ReportedStatus): boolean {
  return status === 'completed' || status === 'cancelled';
}

/** An amount in integer minor units of an ISO 4217 currency. */
export interface Money {
  readonly amount: number;
  readonly currency: string;
}

/** Additional work. Its price is in the currency that the order had when it was asked for. */
export interface Extra {
  readonly title: string;
  readonly price: Money;
}

/** What a freelancer asks to change: at least one of the two. */
export interface Change {
  readonly deliverBy: Instant | null;
  readonly extras: readonly Extra[];
}

/** What people see of an order that only its reports change. Each change of one is logged with its previous value. */
export interface OrderDetails {
  readonly price: Money;
  readonly title: string | null;
}

/** The details of an order or of a report of it, and nothing else. */
export function detailsOf({ price, title }: OrderDetails): OrderDetails {
  return { price, title };
}

/** The part of an order that disputes need. */
export interface Order extends OrderDetails {
  readonly id: string;
  readonly clientId: string;
  readonly freelancerId: string;
  readonly status: OrderStatus;
  /** What the order service reported last: the status without any dispute. */
  readonly reportedStatus: ReportedStatus;
  readonly deliverBy: Instant | null;
  /** What the order service reported last; a report that repeats it leaves a date agreed here alone. */
  readonly reportedDeliverBy: Instant | null;
  readonly extras: readonly Extra[];
  /** Whether it belongs to a live deployment, and not to a sandbox. */
  readonly livemode: boolean;
  /** The test clock that tells its time; null for real time. */
  readonly testClockId: string | null;
  /** The order service's own counter. */
  readonly revision: number;
  /** Counts the order's log entries: 0 before the first. */
  readonly version: number;
  /** How many disputes it has had. */
  readonly disputeCount: number;
  /** Who opened disputes lately and when, oldest first: those that count for a limit. */
  readonly openings: readonly Opening[];
  /** The last decline of each type of request of each opener. */
  readonly declines: readonly Declined[];
  /** The dispute that ended the order by agreement or silence. */
  readonly cancelledByDisputeId: string | null;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** The last decline of a type of request, by its opener's role, as the cooldown counts it. */
export interface Declined {
  readonly role: Role;
  readonly type: DisputeType;
  readonly at: Instant;
}

/** The opening of a dispute, as the limit on openings counts it. */
export interface Opening {
  readonly role: Role;
  readonly at: Instant;
}

/** An order as its log entries have it: without what grows, so that no entry repeats what others have brought. */
export type LoggedOrder = Omit<Order, 'extras' | 'openings' | 'declines'> & { readonly extrasCount: number };

/** Makes of an order what its log entries have of it. */
export function loggedOrder({ extras, openings: _, declines: __, ...order }: Order): LoggedOrder {
  return { ...order, extrasCount: extras.length };
}

/** A party of an order, in the role that the order gives it. */
export interface Party {
  readonly role: Role;
  readonly id: string;
}

/** Who did something: a party, a deadline (`system`) or the order service. */
export type Actor = Party | { readonly role: 'system' } | { readonly role: 'order_service'; readonly id: string };

/** A service that notifies the parties and records that it did. It changes nothing else. */
export interface Notifier {
  readonly role: 'notifier';
  readonly id: string;
}

/** How the parties heard of a dispute: both were reminded, one saw it first, or one was first notified on a channel. */
export type Notice =
  | { readonly kind: 'reminded'; readonly at: Instant }
  | { readonly kind: 'seen'; readonly role: Role; readonly at: Instant }
  | ({ readonly kind: 'notified' } & Notification);

/** A message about a dispute that reached a party, and when. */
export interface Notification {
  readonly role: Role;
  readonly channel: string;
  readonly at: Instant;
}

/** What is known of how the respondent of a dispute heard of it; no rule depends on it. */
export interface NoticeSummary {
  /** When it was reminded last. */
  readonly remindedAt: Instant | null;
  /** When it was notified first, on whichever channel. */
  readonly notifiedAt: Instant | null;
  /** When it saw the dispute first. */
  readonly seenAt: Instant | null;
}

export interface Resolved {
  readonly resolution: Resolution;
  readonly by: Actor;
  readonly at: Instant;
}

/** One request from one party to the other about one order. It is open while `resolved` is null. */
export interface Dispute {
  readonly id: string;
  readonly orderId: string;
  readonly type: DisputeType;
  readonly opener: Party;
  readonly respondent: Party;
  readonly reason: string | null;
  readonly comment: string | null;
  readonly change: Change | null;
  readonly openedAt: Instant;
  readonly updatedAt: Instant;
  /** The instant at which silence takes effect; at this instant itself an answer is too late. */
  readonly respondBy: Instant;
  /** How long before the deadline reminders are still to be sent, in milliseconds. */
  readonly remindersMs: readonly number[];
  /** Counts the wake-ups that this dispute has asked for: 1, and one more for each moved deadline and each reminder. */
  readonly deadlineSeq: number;
  /** The time held by which its deadline has been moved, in milliseconds. */
  readonly heldMs: number;
  readonly resolved: Resolved | null;
  /** How many comments were added to it, beside those of its opening and of its answer. */
  readonly commentCount: number;
  /** How the parties heard of it, in the order in which that was recorded. Facts: no rule depends on them. */
  readonly notices: readonly Notice[];
  /** Counts the changes of this dispute, from 1. */
  readonly version: number;
}

/** What the notices of a dispute come to, for its respondent. */
export function noticeOf({ notices, respondent }: Pick<Dispute, 'notices' | 'respondent'>): NoticeSummary {
  const isAbout = (notice: Notice) => notice.kind === 'reminded' || notice.role === respondent.role;
  const instants = (kind: Notice['kind']) =>
    notices.flatMap((notice) => (notice.kind === kind && isAbout(notice) ? [notice.at] : []));
  const notified = instants('notified');
  return {
    remindedAt: instants('reminded').at(-1) ?? null,
    notifiedAt: notified.length === 0 ? null : Math.min(...notified),
    seenAt: instants('seen')[0] ?? null,
  };
}

/** A dispute as its log entries have it: without what people wrote, and with a summary of what grows. */
export type LoggedDispute = Omit<Dispute, 'comment' | 'notices'> & {
  readonly notice: NoticeSummary;
  /** How many of the changes that `version` counts were notices. */
  readonly noticeCount: number;
};

/** Makes of a dispute what its log entries have of it. */
export function loggedDispute({ comment: _, notices, ...dispute }: Dispute): LoggedDispute {
  const { respondent } = dispute;
  return { ...dispute, notice: noticeOf({ notices, respondent }), noticeCount: notices.length };
}

/** A dispute as its readers see it: what is stored, and since when a hold has kept its deadline from taking effect. */
export interface SeenDispute extends Dispute {
  readonly heldSince: Instant | null;
}

/** A state as its readers see it. */
export type Seen<S extends State = State> = Omit<S, 'disputes'> & { readonly disputes: readonly SeenDispute[] };

/**
 * A time in which no deadline takes effect, since the parties could not answer: on all disputes, on those of one type, or
 * on those of some orders. It lasts until it is released.
 */
export interface Hold {
  readonly id: string;
  readonly type: DisputeType | null;
  readonly orderIds: readonly string[] | null;
  readonly from: Instant;
  /** When it was released; null while it lasts. */
  readonly until: Instant | null;
}

/** What one decision looks at: an order, its open dispute if there is one, the dispute that is addressed, and the holds. */
export interface State {
  readonly order: Order | null;
  readonly disputes: readonly Dispute[];
  readonly holds: readonly Hold[];
}

/** The open dispute of a state, if there is one. */
export function openDisputeOf<D extends Dispute>(state: { readonly disputes: readonly D[] }): D | null {
  return state.disputes.find((dispute) => dispute.resolved === null) ?? null;
}

/** When the next reminder of a dispute is due, or null. */
export function remindAt({ respondBy, remindersMs }: Dispute): Instant | null {
  return remindersMs.length === 0 ? null : respondBy - Math.max(...remindersMs);
}

/** The role that an order gives to a user, or null for a stranger. */
export function roleIn(order: Pick<Order, 'clientId' | 'freelancerId'>, userId: string): Role | null {
  if (userId === order.clientId) return 'client';
  return userId === order.freelancerId ? 'freelancer' : null;
}
