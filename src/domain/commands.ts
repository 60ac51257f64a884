import type { Answer, DisputeType, Role } from './rules.ts';
import type {
  Actor,
  Change,
  Instant,
  Notification,
  Notifier,
  OrderDetails,
  OrderStatus,
  Party,
  ReportedStatus,
  State,
} from './state.ts';

/** What the order service says of an order; `revision` is its own counter. */
export interface OrderReport extends OrderDetails {
  readonly orderId: string;
  readonly clientId: string;
  readonly freelancerId: string;
  readonly status: ReportedStatus;
  readonly deliverBy: Instant | null;
  readonly revision: number;
  /** The mode of the deployment, which a new order keeps. */
  readonly livemode: boolean;
  /** The test clock on which the order is to be; null leaves it where it is. */
  readonly testClockId: string | null;
}

/** The test clock that a report names, as it is when the report is decided. */
export interface NamedClock {
  readonly id: string;
  /** Whether it has as many orders as it may have. */
  readonly isFull: boolean;
}

/**
 * Whether what the caller has read is still so, by the state at the instant of the decision. It is asked after every refusal
 * that depends on the state and before those that depend on the command's own content.
 */
export type Precondition = (state: State) => boolean;

interface Conditional {
  /** Null where the caller sets no condition. */
  readonly precondition: Precondition | null;
}

export interface ReportOrder extends Conditional {
  readonly kind: 'report_order';
  /** Whether the order may be reported as far as it is known; unlike the precondition, it holds for a repeated report, too. */
  readonly exclusion: Precondition | null;
  readonly actor: Actor;
  readonly report: OrderReport;
  /** The test clock that the report names; null if it names none, or one that does not exist. */
  readonly clock: NamedClock | null;
}

export interface OpenDispute extends Conditional {
  readonly kind: 'open_dispute';
  readonly actor: Party;
  /** The id that the dispute gets if it is opened. */
  readonly disputeId: string;
  readonly type: DisputeType;
  readonly reason: string | null;
  readonly comment: string | null;
  readonly change: Change | null;
  /** How long the respondent has, in milliseconds. */
  readonly windowMs: number;
  /** How long an opener whose request was declined has to wait before the same request, in milliseconds. */
  readonly cooldownMs: number;
  /** How long before the deadline both parties are reminded, in milliseconds. */
  readonly remindersMs: readonly number[];
}

interface OnDispute extends Conditional {
  readonly actor: Party;
  readonly disputeId: string;
}

export interface AnswerDispute extends OnDispute {
  readonly kind: Answer;
  readonly comment: string | null;
}

export interface WithdrawDispute extends OnDispute {
  readonly kind: 'withdraw';
  readonly comment: string | null;
}

export interface AddComment extends OnDispute {
  readonly kind: 'add_comment';
  readonly comment: string;
}

/** A party looks at a dispute. */
export interface MarkSeen extends OnDispute {
  readonly kind: 'mark_seen';
}

/** A service says that a message about a dispute has reached a party. */
export interface RecordNotice extends Conditional {
  readonly kind: 'record_notice';
  readonly actor: Notifier;
  readonly disputeId: string;
  readonly notification: Notification;
}

export type DisputeCommand = AnswerDispute | WithdrawDispute | AddComment;
export type NoticeCommand = MarkSeen | RecordNotice;
export type Command = ReportOrder | OpenDispute | DisputeCommand | NoticeCommand;

/** What may happen to an order and its disputes, in the words of the log. */
export const ENTRY_TYPES = [
  'dispute.opened',
  'dispute.accepted',
  'dispute.declined',
  'dispute.answered',
  'dispute.withdrawn',
  'dispute.expired',
  'dispute.superseded',
  'dispute.comment_added',
  'dispute.deadline_shifted',
  'dispute.reminder_due',
  'dispute.seen',
  'dispute.notified',
  'order.status_changed',
  'order.delivery_date_changed',
  'order.extras_added',
  'order.details_changed',
] as const;
export type EntryType = (typeof ENTRY_TYPES)[number];

type DisputeEvent<Type> = Type extends `dispute.${infer Event}` ? Event : never;
/** What happened to a dispute, as its timeline says it: the entry types about disputes, without their prefix. */
export type TimelineAction = DisputeEvent<EntryType>;

/** The action in a timeline of a type of log entry; null for one about the order. */
export function timelineAction(type: EntryType): TimelineAction | null {
  // The type of `slice` does not say that this is the rest of the literal.
  return type.startsWith('dispute.') ? (type.slice('dispute.'.length) as TimelineAction) : null;
}

export const TIMELINE_ACTIONS: readonly TimelineAction[] = ENTRY_TYPES.flatMap((type) => timelineAction(type) ?? []);

/** Facts as they were before an entry, where it changed them. */
export interface Previous extends Partial<OrderDetails> {
  readonly status?: OrderStatus;
  readonly respondBy?: Instant;
  readonly deliverBy?: Instant | null;
  readonly extrasCount?: number;
  /** The status behind an open dispute. */
  readonly previousStatus?: ReportedStatus;
  readonly revision?: number;
}

/** Why a requested change cannot take effect on its order any more. */
export const OUTDATED_REASONS = ['date_passed', 'date_not_later', 'currency_changed'] as const;
export type OutdatedReason = (typeof OUTDATED_REASONS)[number];

/** A refusal that follows from the state, the action and the role alone, so that the action is shown as blocked by it. */
export type Blocking =
  | { readonly code: 'action_not_allowed' | 'not_respondent' | 'not_opener' }
  | { readonly code: 'dispute_already_open'; readonly disputeId: string }
  | { readonly code: 'dispute_not_open'; readonly disputeId: string }
  | { readonly code: 'response_window_closed'; readonly respondBy: Instant; readonly decidedAt: Instant }
  | { readonly code: 'order_not_disputable'; readonly reason: 'order_completed' | 'order_cancelled' }
  | { readonly code: 'change_outdated'; readonly reason: OutdatedReason }
  | { readonly code: 'comment_limit_reached' }
  /** `availableAt` is the instant from which on it is possible again; null if waiting does not help. */
  | { readonly code: 'dispute_limit_reached'; readonly availableAt: Instant | null }
  | { readonly code: 'cooldown_active'; readonly availableAt: Instant };

/** Why a command is refused: a value, never an exception. Each code is one of the API's. */
export type Rejection =
  | Blocking
  | { readonly code: 'notice_limit_reached' }
  | { readonly code: 'stale_revision'; readonly revision: number }
  | { readonly code: 'order_closed' | 'parties_immutable' }
  | { readonly code: 'order_has_disputes' | 'clock_limit_reached' }
  /** The request names something that does not exist. `pointer` is a JSON pointer into it. */
  | { readonly code: 'validation_failed'; readonly pointer: '/testClockId' }
  /** A notice from before its dispute or from the future; the bound that it misses. */
  | { readonly code: 'validation_failed'; readonly pointer: '/deliveredAt'; readonly fault: NoticeFault }
  /** `exists` where the caller wanted that there is none yet. */
  | { readonly code: 'version_mismatch'; readonly exists?: true }
  | { readonly code: 'reason_required' | 'comment_required' }
  /** `role` is the one whose reasons there are to choose from; null where the type of the dispute takes none. */
  | { readonly code: 'reason_not_allowed'; readonly role: Role | null }
  /** `pointer` is a JSON pointer into the request. */
  | { readonly code: 'invalid_change'; readonly pointer: string; readonly fault: ChangeFault };

/** The bound that the instant of a notice misses. */
export type NoticeFault = { readonly earliest: Instant } | { readonly latest: Instant };

/** What is wrong with a change: a part that is missing or must not be there, a date or a value that does not fit the order. */
export type ChangeFault =
  | { readonly code: 'required' | 'unknown' }
  /** Too many extras; `maximum` is how many the order has room for. */
  | { readonly code: 'too_long'; readonly maximum: number }
  | { readonly code: 'not_later_than'; readonly than: Instant }
  | { readonly code: 'not_one_of'; readonly values: readonly string[] };
