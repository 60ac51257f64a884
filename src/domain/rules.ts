/** The two parties of an order: who buys, who delivers. */
export const ROLES = ['client', 'freelancer'] as const;
export type Role = (typeof ROLES)[number];

/** How a dispute ended. */
export const RESOLUTIONS = ['accepted', 'declined', 'answered', 'withdrawn', 'expired', 'superseded'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** What the respondent may do with a request; which of them, its type's row says. */
export const ANSWERS = ['accept', 'decline', 'provide_update'] as const;
export type Answer = (typeof ANSWERS)[number];

/** Whether a request or an action must, may or must not carry a field. */
export type Presence = 'required' | 'optional' | 'none';

interface OtherAction {
  readonly by: 'opener' | 'both';
  readonly comment: Presence;
}

/** What a party may do with an open dispute of any type beside answering it: who may, and whether with a comment. */
export const OTHER_ACTIONS = {
  withdraw: { by: 'opener', comment: 'optional' },
  add_comment: { by: 'both', comment: 'required' },
} as const satisfies Readonly<Record<string, OtherAction>>;

/** What a party may do with an open dispute. */
export type DisputeAction = Answer | keyof typeof OTHER_ACTIONS;
export const DISPUTE_ACTIONS = [
  ...ANSWERS,
  ...(Object.keys(OTHER_ACTIONS) as (keyof typeof OTHER_ACTIONS)[]), // the keys of a literal
] as const satisfies readonly DisputeAction[];

/** What silence does. */
export const EXPIRY_ACTIONS = ['cancel_order', 'close_dispute', 'withdraw_request'] as const;
export type ExpiryAction = (typeof EXPIRY_ACTIONS)[number];

/** What the end of a dispute does to its order; `none` leaves it in the status that it would have without the dispute. */
export type OrderEffect = 'cancel_order' | 'apply_change' | 'none';

interface AnswerRule {
  readonly resolution: Resolution;
  readonly effect: OrderEffect;
  readonly comment: Presence;
}

interface OpeningRule {
  readonly reason: Presence;
  readonly comment: Presence;
  readonly change: Presence;
}

interface DisputeRule {
  /** What the request is for, as a person would say it. */
  readonly purpose: string;
  /** Who may open it, and what each of them has to say. A role without an entry cannot open it. */
  readonly opening: { readonly [R in Role]?: OpeningRule };
  /** What the respondent may do. */
  readonly answers: { readonly [A in Answer]?: AnswerRule };
  /** How long the respondent has unless configured otherwise: elapsed time, no business days. */
  readonly defaultWindow: { readonly iso: string; readonly ms: number };
  readonly onExpiry: { readonly action: ExpiryAction; readonly effect: OrderEffect };
  /** Whether the delivery of the order is itself the answer. */
  readonly answeredByDelivery: boolean;
}

const HOUR_MS = 3_600_000;

/**
 * The rules of the three dispute types, one row each. Everything that depends on a dispute's type is read from here:
 * decisions, the actions in every response, the README's table and the enums of the OpenAPI document.
 */
export const RULES = {
  order_update: {
    purpose: 'Ask for a progress update',
    opening: { client: { reason: 'none', comment: 'optional', change: 'none' } },
    answers: { provide_update: { resolution: 'answered', effect: 'none', comment: 'required' } },
    defaultWindow: { iso: 'PT48H', ms: 48 * HOUR_MS },
    onExpiry: { action: 'close_dispute', effect: 'none' },
    answeredByDelivery: true,
  },
  cancellation: {
    purpose: 'Ask to cancel the order',
    opening: {
      client: { reason: 'optional', comment: 'required', change: 'none' },
      freelancer: { reason: 'required', comment: 'optional', change: 'none' },
    },
    answers: {
      accept: { resolution: 'accepted', effect: 'cancel_order', comment: 'optional' },
      decline: { resolution: 'declined', effect: 'none', comment: 'optional' },
    },
    defaultWindow: { iso: 'PT48H', ms: 48 * HOUR_MS },
    onExpiry: { action: 'cancel_order', effect: 'cancel_order' },
    answeredByDelivery: false,
  },
  order_change: {
    purpose: 'Ask for a later delivery date or for extras',
    opening: { freelancer: { reason: 'none', comment: 'optional', change: 'required' } },
    answers: {
      accept: { resolution: 'accepted', effect: 'apply_change', comment: 'optional' },
      decline: { resolution: 'declined', effect: 'none', comment: 'optional' },
    },
    defaultWindow: { iso: 'PT96H', ms: 96 * HOUR_MS },
    onExpiry: { action: 'withdraw_request', effect: 'none' },
    answeredByDelivery: false,
  },
} as const satisfies Readonly<Record<string, DisputeRule>>;

export type DisputeType = keyof typeof RULES;
export const DISPUTE_TYPES = Object.keys(RULES) as DisputeType[];

/** The row of a type, with every optional part visible to the type checker. */
export function ruleOf(type: DisputeType): DisputeRule {
  return RULES[type];
}

/** The other party. */
export function otherRole(role: Role): Role {
  return role === 'client' ? 'freelancer' : 'client';
}

/** Bounds of what a request may carry and of what an order collects; texts are counted in Unicode code points. */
export const LIMITS = {
  /** Comments that are added to one dispute. */
  comments: 200,
  /** Channels on which one party of a dispute is notified. */
  noticeChannels: 10,
  /** Extras of one order, over all of its disputes. */
  orderExtras: 100,
  /** Disputes of one order. */
  disputes: 500,
  /** Disputes of one order by one opener within `openingsMs`. */
  openings: 10,
  openingsMs: 24 * HOUR_MS,
  commentLength: 4_000,
  extras: 20,
  titleLength: 200,
  testClocks: 100,
  /** Orders on one test clock. */
  clockOrders: 1_000,
  /** Largest amount in minor units: beyond it a JSON number is no longer exact. */
  amount: Number.MAX_SAFE_INTEGER,
} as const;
