import { freeSlots } from '../../../../src/webhooks/slots.ts';
import {
  type DeliveryState,
  type EndpointState,
  isOver,
  lineUp,
  needsRevision,
  nextDelivery,
  nextEndpoint,
  type SubscribedType,
  TEST,
} from '../../../../src/webhooks/states.ts';
import { BEGIN, NEW_ENDPOINT, newDelivery } from '../../../webhooks/builders.ts';

/** A delivery with what tells it from others. */
export interface ModelDelivery extends DeliveryState {
  readonly messageId: string;
  /** Null for a message that tries the endpoint out. */
  readonly orderId: string | null;
  readonly seq: number | null;
}

/** An event of the log; its place in it is its `seq`, from 1. */
export interface ModelEvent {
  readonly messageId: string;
  readonly orderId: string;
  readonly type: string;
}

/** What a receiver answers to one attempt; `statusCode` is null if no answer comes. */
export interface Reaction {
  readonly statusCode: number | null;
  readonly waitMs: number | null;
  readonly chance: number;
}

/** An attempt that is under way, or whose claim has run out. */
export interface Attempt {
  readonly messageId: string;
  readonly claim: string;
}

export interface Patch {
  readonly url?: string | undefined;
  readonly types?: readonly SubscribedType[] | null | undefined;
  readonly active?: boolean | undefined;
}

/** One step of a history, with everything in it that it depends on. */
export type Action =
  | { readonly kind: 'append'; readonly event: ModelEvent }
  | { readonly kind: 'fanOut' }
  | { readonly kind: 'revise' }
  | { readonly kind: 'claim'; readonly claim: string }
  | { readonly kind: 'answer'; readonly answers: readonly (Attempt & Reaction)[] }
  | { readonly kind: 'patch'; readonly patch: Patch }
  | { readonly kind: 'redeliver'; readonly messageId: string }
  | { readonly kind: 'replay'; readonly after: number }
  | { readonly kind: 'test'; readonly messageId: string }
  | { readonly kind: 'wait'; readonly ms: number };

/** One endpoint with its deliveries in memory, moved by the functions of the domain alone. */
export class World {
  now = BEGIN;
  endpoint: EndpointState = NEW_ENDPOINT;
  position = 0;
  mustRevise: boolean = false;
  readonly log: ModelEvent[] = [];
  readonly deliveries = new Map<string, ModelDelivery>();
  /** Attempts that the receiver has not answered yet. */
  readonly underWay: Attempt[] = [];

  /** Does one step; returns the messages that were sent by it. */
  apply(action: Action): ModelDelivery[] {
    switch (action.kind) {
      case 'append':
        this.log.push(action.event);
        return [];
      case 'fanOut':
        this.#fanOut();
        return [];
      case 'revise':
        this.#revise();
        return [];
      case 'claim':
        return this.#claim(action.claim);
      case 'answer':
        this.#answer(action.answers);
        return [];
      case 'patch':
        this.#become(nextEndpoint(this.endpoint, { kind: 'changed', ...action.patch }, this.now));
        return [];
      case 'redeliver':
        this.#queue([this.#known(action.messageId)]);
        return [];
      case 'replay':
        this.position = Math.min(this.position, action.after);
        return [];
      case 'test':
        this.#queue([this.#fresh({ messageId: action.messageId, orderId: null, type: TEST, seq: null })]);
        return [];
      case 'wait':
        this.now += action.ms;
        return [];
      default:
        return action satisfies never;
    }
  }

  /** The earliest moment at which something is due; null if nothing will be. */
  nextDue(): number | null {
    const times = [...this.deliveries.values()].flatMap((row) => (this.#maySend(row) ? (row.nextAttemptAt ?? []) : []));
    return times.length === 0 ? null : Math.min(...times);
  }

  #known(messageId: string): ModelDelivery {
    const row = this.deliveries.get(messageId);
    if (row === undefined) throw new Error(`there is no delivery of ${messageId}`);
    return row;
  }

  #save(rows: readonly ModelDelivery[]): void {
    for (const row of rows) this.deliveries.set(row.messageId, row);
  }

  #fresh(about: Pick<ModelDelivery, 'messageId' | 'orderId' | 'type' | 'seq'>): ModelDelivery {
    return { ...newDelivery(about.type, this.now), ...about };
  }

  #become(endpoint: EndpointState): void {
    this.mustRevise ||= needsRevision(this.endpoint, endpoint);
    this.endpoint = endpoint;
  }

  #fanOut(): void {
    if (!this.endpoint.active) return;
    const { types } = this.endpoint;
    const behind = this.log.map((event, index) => ({ ...event, seq: index + 1 })).slice(this.position);
    const wanted = behind.filter(({ type }) => types === null || types.includes(type));
    const queued = wanted.flatMap((event) => {
      const row = this.deliveries.get(event.messageId);
      if (row === undefined) return [this.#fresh(event)];
      return isOver(row) ? [row] : [];
    });
    this.#queue(queued);
    this.position = Math.max(this.position, this.log.length);
  }

  #queue(rows: readonly ModelDelivery[]): void {
    this.#save(rows.map((row) => nextDelivery(row, this.endpoint, { kind: 'queued' }, this.now)));
    this.#advance(rows);
  }

  #advance(rows: readonly ModelDelivery[]): void {
    for (const { messageId, orderId } of rows) {
      const isOfLine = (row: ModelDelivery) =>
        orderId === null ? row.messageId === messageId : row.orderId === orderId;
      this.#save(lineUp([...this.deliveries.values()].filter(isOfLine), this.endpoint, this.now));
    }
  }

  #revise(): void {
    if (!this.mustRevise) return;
    this.mustRevise = false;
    const rows = [...this.deliveries.values()];
    const revised = rows.map((row) => nextDelivery(row, this.endpoint, { kind: 'revised' }, this.now));
    this.#save(revised);
    this.#advance(revised);
  }

  #maySend({ status, type }: ModelDelivery): boolean {
    return status === 'pending' && (this.endpoint.active || type === TEST);
  }

  /** What is due, those first that have been due for longest. */
  #due(): ModelDelivery[] {
    const due = [...this.deliveries.values()].filter(
      (row) => this.#maySend(row) && row.nextAttemptAt !== null && row.nextAttemptAt <= this.now,
    );
    return due.sort((a, b) => (a.nextAttemptAt ?? 0) - (b.nextAttemptAt ?? 0));
  }

  #claim(claim: string): ModelDelivery[] {
    const attempts = [...this.deliveries.values()].filter((row) => row.claim !== null);
    const underWay = attempts.map(({ isRetry, lastAttemptAt }) => ({
      isRetry,
      forMs: this.now - (lastAttemptAt ?? 0),
    }));
    const free = freeSlots(this.endpoint, underWay);
    const due = this.#due();
    const firsts = due.filter(({ isRetry }) => !isRetry).slice(0, free.firsts);
    const retries = due.filter(({ isRetry }) => isRetry).slice(0, free.retries);
    const claimed = [...firsts, ...retries].map((row) =>
      nextDelivery(row, this.endpoint, { kind: 'claimed', claim }, this.now),
    );
    this.#save(claimed);
    this.underWay.push(...claimed.map(({ messageId }) => ({ messageId, claim })));
    return claimed;
  }

  #answer(answers: readonly (Attempt & Reaction)[]): void {
    const rows: ModelDelivery[] = [];
    for (const { messageId, claim, ...reaction } of answers) {
      const index = this.underWay.findIndex((one) => one.messageId === messageId && one.claim === claim);
      this.underWay.splice(index, 1);
      const row = this.#known(messageId);
      if (row.claim !== claim) continue;
      const answered = { kind: 'answered', ...reaction } as const;
      this.#become(nextEndpoint(this.endpoint, { ...answered, startedAt: row.lastAttemptAt ?? 0 }, this.now));
      const next = nextDelivery(row, this.endpoint, answered, this.now);
      this.#save([next]);
      rows.push(next);
    }
    this.#advance(rows);
  }
}
