import { TEST } from '../../../../src/webhooks/states.ts';
import { BEGIN } from '../../../webhooks/builders.ts';
import { type Kind, slotsOf, type Taken } from './fairness.ts';
import type { Action, Attempt as Claim, ModelDelivery, Reaction, World } from './world.ts';

// The promises of docs/webhooks.md, told from what an observer sees: what is sent when, what is answered, and what the
// owner asks for. Nothing here is taken from the rules of the service, the schedule included.

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];
const DELAYS = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
const ATTEMPTS = 10;
const SERIES = 75 * HOUR + 35 * MINUTE + 5 * SECOND;
const DAY = 24 * HOUR;
const LOST_AFTER = MINUTE;
const OUTAGE = { failures: 5, ms: 5 * MINUTE };
const DISABLED = { failures: 5, ms: 5 * DAY };

interface Try {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly waitMs: number;
  readonly chance: number;
  readonly isEarly: boolean;
}

interface Owed {
  readonly messageId: string;
  readonly orderId: string | null;
  readonly seq: number | null;
  readonly type: string;
  isOwed: boolean;
  queuedAt: number;
  /** When its series of attempts began, and those that have failed since. */
  seriesAt: number;
  tries: Try[];
  underWay: (Taken & { readonly claim: string; readonly isEarly: boolean }) | null;
}

function must(holds: boolean, promise: string, about: unknown): void {
  if (!holds) throw new Error(`${promise}: ${JSON.stringify(about)}`);
}

/** Watches a world, and throws at the first promise that it breaks. */
export class Oracle {
  readonly #world: World;
  readonly #messages = new Map<string, Owed>();
  #isActive: boolean = true;
  #url = 'https://receiver.example/0';
  #urlChangedAt = -1;
  #types: readonly string[] | null = null;
  #typesChangedAt = -1;
  /** When what had failed was to be tried again soon. */
  #releasedAt = -1;
  #failures: number[] = [];
  /** Whether the endpoint has changed and its deliveries have not been revised since. */
  #isUnrevised: boolean = false;
  /** The events up to here have been taken in. */
  #position = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get #now(): number {
    return this.#world.now;
  }

  /** Takes in a step that the world has just done, with what it has sent. */
  watch(action: Action, sent: readonly ModelDelivery[]): void {
    if (action.kind === 'fanOut') this.#takeIn();
    if (action.kind === 'test') this.#queue(this.#world.deliveries.get(action.messageId));
    if (action.kind === 'redeliver') this.#queue(this.#world.deliveries.get(action.messageId), true);
    // A replay moves the position back, and never ahead.
    if (action.kind === 'replay') this.#position = Math.min(this.#position, action.after);
    if (action.kind === 'patch') this.#patched(action.patch);
    if (action.kind === 'revise') this.#revised();
    for (const row of sent) this.#sent(row);
    if (action.kind === 'claim') this.#fairly(sent);
    if (action.kind === 'answer') for (const answer of action.answers) this.#answered(answer);
    this.#compare(action);
  }

  /** Once the service had time for all it has to do: nothing that ought to have been sent by now is still there. */
  atRest(): void {
    for (const one of this.#sendable()) {
      must(this.#slots(this.#kindOf(one)).isFull, 'what is due is sent', { one, now: this.#now - BEGIN });
    }
  }

  /** While others hang: no delivery that has not failed waits longer than `ms`. */
  noneWaits(ms: number): void {
    for (const one of this.#sendable()) {
      const waited = this.#now - this.#allowedFrom(one);
      must(this.#kindOf(one) === 'retry' || waited <= ms, 'orders that hang delay no other', { one, waited });
    }
  }

  /** At the end of a history in which everything is accepted at last. */
  atEnd(): void {
    const left = [...this.#messages.values()].filter(({ isOwed }) => isOwed);
    must(left.length === 0, 'everything is delivered or given up in the end', left);
  }

  #queue(row: ModelDelivery | undefined, again = false): void {
    if (row === undefined) throw new Error('what was asked for has no delivery');
    const known = this.#messages.get(row.messageId);
    if (known?.isOwed === true && !again) return;
    const { messageId, orderId, seq, type } = row;
    const queuedAt = known?.isOwed === true ? known.queuedAt : this.#now;
    const underWay = known?.isOwed === true ? known.underWay : null;
    const fresh = { messageId, orderId, seq, type, isOwed: true, queuedAt, seriesAt: this.#now, tries: [], underWay };
    this.#messages.set(messageId, fresh);
  }

  #takeIn(): void {
    // A fan-out reads the log from the position to the end: what it has to queue stands in it, and is wanted.
    for (const [index, { messageId, type }] of this.#world.log.entries()) {
      const row = this.#world.deliveries.get(messageId);
      if (index < this.#position || !this.#isActive || !this.#wants(type)) continue;
      must(row !== undefined, 'an event of a wanted type is delivered', messageId);
      this.#queue(row);
    }
    if (this.#isActive) this.#position = Math.max(this.#position, this.#world.log.length);
  }

  #wants(type: string): boolean {
    return type === TEST || this.#types === null || this.#types.includes(type);
  }

  #isUnwanted({ type, queuedAt }: Owed): boolean {
    return !this.#wants(type) && queuedAt < this.#typesChangedAt;
  }

  /** What may be sent now, and is not under way. */
  #sendable(): Owed[] {
    if (!this.#isActive) return [];
    return [...this.#messages.values()].filter(
      (one) =>
        one.isOwed && one.underWay === null && this.#isBehind(one) === undefined && this.#allowedFrom(one) <= this.#now,
    );
  }

  /** A delivery that failed before its endpoint was released is no retry any more. */
  #kindOf({ tries }: Owed): Kind {
    return (tries.at(-1)?.startedAt ?? -1) >= this.#releasedAt && tries.length > 0 ? 'retry' : 'first';
  }

  #slots(kind: Kind) {
    const taken = [...this.#messages.values()].flatMap(({ underWay }) => underWay ?? []);
    return slotsOf(kind, taken, this.#failures.length, this.#now);
  }

  /** After claims: slots are not exceeded, and what waits does so for want of a slot of its kind. */
  #fairly(sent: readonly ModelDelivery[]): void {
    for (const { messageId } of sent) {
      const kind = this.#messages.get(messageId)?.underWay?.kind;
      if (kind) must(!this.#slots(kind).isExceeded, 'an endpoint gets no more at a time than it has slots', kind);
    }
    if (!this.#isUnrevised) this.atRest();
  }

  #revised(): void {
    this.#isUnrevised = false;
    for (const one of this.#messages.values()) {
      if (one.underWay === null && this.#isUnwanted(one)) one.isOwed = false;
    }
  }

  #patched({
    url,
    types,
    active,
  }: {
    url?: string | undefined;
    types?: readonly string[] | null | undefined;
    active?: boolean | undefined;
  }) {
    this.#isUnrevised = true;
    if (types !== undefined) [this.#types, this.#typesChangedAt] = [types, this.#now];
    if (active !== undefined) this.#isActive = active;
    const isElsewhere = url !== undefined && url !== this.#url;
    if (isElsewhere) {
      [this.#url, this.#urlChangedAt] = [url, this.#now];
      // An attempt at the old address that is still under way is looked at when it has ended.
      for (const one of this.#messages.values()) if (this.#lastStart(one) < this.#now) this.#beginAnew(one);
    }
    if (isElsewhere || active === true) [this.#releasedAt, this.#failures] = [this.#now, []];
  }

  #beginAnew(one: Owed): void {
    one.seriesAt = this.#urlChangedAt;
    one.tries = [];
  }

  #lastStart({ tries, underWay }: Owed): number {
    return underWay?.startedAt ?? tries.at(-1)?.startedAt ?? -1;
  }

  /** When its next attempt is by the schedule. */
  #dueAt({ seriesAt, tries }: Owed): number {
    const counted = tries.filter(({ isEarly }) => !isEarly);
    const last = counted.at(-1);
    const delay = DELAYS[counted.length - 1] ?? 0;
    const scheduled =
      last === undefined ? seriesAt : last.endedAt + Math.round(Math.max(delay, last.waitMs) * (1 + last.chance / 10));
    return Math.max(scheduled, ...tries.map(({ endedAt, waitMs, isEarly }) => (isEarly ? endedAt + waitMs : 0)));
  }

  /** From when on it may be sent, and soon has to be. */
  #allowedFrom(one: Owed): number {
    const { tries } = one;
    const last = tries.at(-1);
    if (last === undefined || last.startedAt >= this.#releasedAt) return this.#dueAt(one);
    const waits = tries.map(({ endedAt, waitMs }) => endedAt + waitMs);
    return Math.min(this.#dueAt(one), Math.max(this.#releasedAt, ...waits));
  }

  /** What has to be over before it may be sent. */
  #isBehind({ orderId, seq, messageId }: Owed): Owed | undefined {
    if (orderId === null) return undefined;
    return [...this.#messages.values()].find(
      (other) =>
        other.orderId === orderId &&
        other.messageId !== messageId &&
        other.isOwed &&
        ((other.seq ?? 0) < (seq ?? 0) || other.underWay !== null),
    );
  }

  #sent({ messageId, claim }: ModelDelivery): void {
    const one = this.#messages.get(messageId);
    if (one === undefined || claim === null) throw new Error('an event without a claim was sent');
    const about = { one, now: this.#now - BEGIN, releasedAt: this.#releasedAt - BEGIN };
    must(one.isOwed, 'what is over is not sent', about);
    must(this.#isActive || one.type === TEST, 'an endpoint that is not active gets nothing', about);
    const { underWay } = one;
    if (underWay !== null) {
      must(this.#now - underWay.startedAt >= LOST_AFTER, 'one attempt is made at a time', about);
      if (underWay.startedAt < this.#urlChangedAt) this.#beginAnew(one);
    } else {
      const inTheWay = this.#isBehind(one);
      must(inTheWay === undefined, 'no event is sent before its predecessor is over', { about, inTheWay });
      must(this.#now >= this.#allowedFrom(one), 'nothing is tried before its time', about);
    }
    const waits = one.tries.map(({ endedAt, waitMs }) => endedAt + waitMs);
    must(
      waits.every((until) => until <= this.#now),
      'a wait that was asked for is kept',
      about,
    );
    const kind = underWay?.kind ?? (this.#isUnrevised || underWay !== null ? null : this.#kindOf(one));
    one.underWay = { claim, kind, startedAt: this.#now, isEarly: this.#now < this.#dueAt(one) };
  }

  #answered({ messageId, claim, statusCode, waitMs, chance }: Claim & Reaction): void {
    const one = this.#messages.get(messageId);
    const made = one?.underWay;
    if (one === undefined || made?.claim !== claim) return;
    const isSuccess = statusCode !== null && statusCode >= 200 && statusCode < 300;
    one.underWay = null;
    this.#heed(made.startedAt, isSuccess, statusCode);
    if (isSuccess || this.#isUnwanted(one)) {
      one.isOwed = false;
      return;
    }
    const wait = Math.min(DAY, waitMs ?? 0);
    const isEarly = made.isEarly || made.startedAt < one.seriesAt;
    one.tries.push({ startedAt: made.startedAt, endedAt: this.#now, waitMs: wait, chance, isEarly });
    if (made.startedAt < this.#urlChangedAt) this.#beginAnew(one);
    const counted = one.tries.filter((each) => !each.isEarly);
    if (counted.length < ATTEMPTS) return;
    const took = made.startedAt - (counted[0]?.startedAt ?? 0);
    must(took >= SERIES, 'nothing is given up before its 75 hours', { one, took });
    one.isOwed = false;
  }

  /** What an attempt says of the endpoint; one that began before the last release says nothing. */
  #heed(startedAt: number, isSuccess: boolean, statusCode: number | null): void {
    if (!this.#isActive || startedAt < this.#releasedAt) return;
    const lasts = ({ failures, ms }: typeof OUTAGE) =>
      this.#failures.length >= failures && this.#now - (this.#failures[0] ?? 0) >= ms;
    if (isSuccess) {
      if (lasts(OUTAGE)) [this.#releasedAt, this.#isUnrevised] = [this.#now, true];
      this.#failures = [];
      return;
    }
    this.#failures.push(this.#now);
    if (statusCode === 410 || lasts(DISABLED)) this.#isActive = false;
  }

  #compare(action: Action): void {
    const about = { action, now: this.#now - BEGIN };
    must(this.#world.endpoint.active === this.#isActive, 'an endpoint is disabled when it should be', about);
    for (const one of this.#messages.values()) {
      const row = this.#world.deliveries.get(one.messageId);
      const isOwed = row?.status === 'waiting' || row?.status === 'pending';
      must(isOwed === one.isOwed, 'what is owed is not over, and what is over is not owed', { about, one, row });
    }
  }
}
