/**
 * The part of the API's answers that the element reads. A type test holds it to the OpenAPI document. What the contract calls
 * optional, or what an older service does not send, is optional here.
 */

export type Role = 'client' | 'freelancer';

export interface Money {
  readonly amount: number;
  readonly currency: string;
}

export interface Extra {
  readonly title: string;
  readonly price: Money;
}

export interface Actor {
  readonly role: Role | 'system' | 'order_service' | 'notifier';
  readonly id?: string | undefined;
}

/** Why an action is not possible now. */
export interface Blocked {
  readonly code: string;
  readonly reason: string | null;
  readonly detail: string;
  readonly availableAt?: string | null | undefined;
}

export interface OnExpiry {
  readonly action: string;
  readonly orderStatus: 'mutually_cancelled' | 'previous';
}

export interface Order {
  readonly id: string;
  readonly title: string | null;
  readonly status: string;
  readonly previousStatus: string | null;
  readonly deliverBy: string | null;
  readonly extras: readonly Extra[];
  readonly price: Money;
  readonly testClockId?: string | null | undefined;
}

export interface Notice {
  readonly remindedAt: string | null;
  readonly notifiedAt: string | null;
  readonly seenAt: string | null;
}

export interface Dispute {
  readonly id: string;
  readonly orderId: string;
  readonly type: string;
  readonly status: 'open' | 'resolved';
  readonly resolution: string | null;
  readonly resolvedBy: Actor | null;
  readonly resolvedAt: string | null;
  readonly opener: { readonly role: Role };
  readonly respondent: { readonly role: Role };
  readonly reason: string | null;
  readonly comment?: string | null | undefined;
  readonly change: { readonly deliverBy: string | null; readonly extras: readonly Extra[] } | null;
  readonly openedAt: string;
  readonly respondBy: string;
  readonly onExpiry: OnExpiry;
  readonly awaiting: Role | null;
  readonly held?: { readonly since: string } | null | undefined;
  readonly notice?: Notice | undefined;
  readonly viewer?: { readonly role: Role; readonly state: string } | undefined;
  readonly etag: string;
}

export type Presence = 'required' | 'optional';

export interface CommentField {
  readonly presence: Presence;
  readonly minLength: number;
  readonly maxLength: number;
}

export interface Reason {
  readonly code: string;
  readonly label: string;
  readonly requiresComment: boolean;
}

export interface ReasonField {
  readonly presence: Presence;
  readonly options: readonly Reason[];
}

export interface ExtrasField {
  readonly minItems: number;
  readonly maxItems: number;
  readonly titleMinLength: number;
  readonly titleMaxLength: number;
  readonly priceMin: number;
  readonly priceMax: number;
  readonly currency: string;
}

export interface ChangeField {
  readonly presence: Presence;
  readonly minParts: number;
  readonly deliverBy: { readonly presence: Presence; readonly after: string | null };
  readonly extras: ExtrasField;
}

interface Option {
  readonly allowed: boolean;
  readonly blocked: Blocked | null;
  readonly label: string;
  readonly href: string;
}

/** A request that the viewer may make, or why not now. */
export interface OpenAction extends Option {
  readonly action: 'open';
  readonly type: string;
  readonly windowSeconds: number;
  readonly onExpiry: OnExpiry;
  readonly fields: {
    readonly reason: ReasonField | null;
    readonly comment: CommentField;
    readonly change: ChangeField | null;
  };
}

/** What the viewer may do with the open request, or why not. */
export interface RespondAction extends Option {
  readonly action: string;
  readonly disputeId: string;
  readonly until: string;
  readonly fields: { readonly comment: CommentField };
}

export interface TimelineEntry {
  readonly seq: number;
  readonly at: string;
  readonly action: string;
  readonly actor: Actor;
  readonly comment?: string | undefined;
  readonly commentErasedAt?: string | undefined;
  readonly notification?: { readonly role: Role; readonly channel: string } | undefined;
}

export interface TimelinePage {
  readonly data: readonly TimelineEntry[];
  readonly nextCursor?: string | null | undefined;
}

/** The answer of `GET /v1/orders/{orderId}/resolution-center`. */
export interface Center {
  readonly orderId: string;
  readonly available: boolean;
  readonly unavailable: Blocked | null;
  readonly viewer: { readonly role: Role };
  readonly order: Order;
  readonly openDispute: Dispute | null;
  readonly lastDispute?: Dispute | null | undefined;
  readonly timeline?: TimelinePage | null | undefined;
  readonly open: readonly OpenAction[];
  readonly respond: readonly RespondAction[];
  readonly etag: string;
  readonly serverTime: string;
}

export interface InputError {
  readonly pointer: string;
  readonly code: string;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly message: string;
}

/** A refusal of the API, by RFC 9457. */
export interface ProblemBody {
  readonly code: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly requestId?: string | undefined;
  readonly errors?: readonly InputError[] | undefined;
  readonly availableAt?: string | undefined;
  readonly reason?: string | undefined;
}

/** What a command would do: the answer to a dry run. */
export interface Effects {
  readonly order: {
    readonly status: { readonly from: string; readonly to: string };
    readonly deliverBy?: { readonly from: string | null; readonly to: string | null } | undefined;
  };
  readonly deadline?: { readonly set?: string; readonly cleared?: string; readonly kept?: string } | undefined;
}

export interface TextsBody {
  readonly locale: string;
  readonly texts: unknown;
}
