import type { DisputeType } from '../../../../src/domain/rules.ts';

/** What a client was told, and may rely on. */
export interface Acknowledged {
  readonly disputeId: string;
  /** The resolution that a 200 promised, or `expired` where an answer was refused as too late. */
  readonly resolution: string;
}

/** A time in which a hold was known to last: it had been acknowledged, and its release had not been asked for yet. */
export interface Held {
  readonly type: DisputeType | null;
  readonly orderIds: readonly string[] | null;
  readonly from: number;
  readonly until: number;
}

/** What a report said that was acknowledged. Orders are put in with a price in dollars and without a date. */
export interface Reported {
  readonly orderId: string;
  readonly status: string;
  readonly deliverBy: string | null;
  readonly currency: string;
}

/** Everything that clients saw. */
export interface History {
  /** Dispute ids by the order that was opened: one each. */
  readonly opened: Map<string, string>;
  readonly acknowledged: Acknowledged[];
  /** Disputes on which an action was refused since they had been resolved, and not by silence. */
  readonly refusedAsResolved: string[];
  readonly commented: string[];
  readonly reported: Reported[];
  readonly held: Held[];
  readonly contradictions: string[];
  /** Requests that got no answer for as long as a client insisted. */
  readonly unanswered: string[];
  /** What was asked for when the answer was 500. */
  readonly broken: string[];
  /** Answers by kind: `200`, `409 response_window_closed`, `503 unavailable`, `no answer` … */
  readonly answers: Map<string, number>;
  readonly latenciesMs: { readonly at: number; readonly ms: number }[];
}

export function emptyHistory(): History {
  return {
    opened: new Map(),
    acknowledged: [],
    refusedAsResolved: [],
    commented: [],
    reported: [],
    held: [],
    contradictions: [],
    unanswered: [],
    broken: [],
    answers: new Map(),
    latenciesMs: [],
  };
}
