import type { DisputeAction, DisputeType, Role } from '../../../src/domain/rules.ts';
import type { ReportedStatus } from '../../../src/domain/state.ts';

/** A command, in the words of the contract; time is counted in single steps. */
export type Ask =
  | { readonly what: 'open'; readonly type: DisputeType; readonly by: Role; readonly change: ModelChange }
  | { readonly what: DisputeAction; readonly by: Role }
  /** A party looks, or a message reaches it. */
  | { readonly what: 'seen' | 'notified'; readonly by: Role }
  | {
      readonly what: 'report';
      readonly status: ReportedStatus;
      readonly revision: number;
      readonly date: number | null;
      readonly currency: string;
    };

/** What an order change asks for: a date, extras in a currency, or both. */
export interface ModelChange {
  readonly date: number | null;
  readonly currency: string | null;
}

/** Two dates of which one may be the other without its fraction of a second; a step is a millisecond. */
const isSame = (a: number | null, b: number | null): boolean =>
  a === b || (a !== null && b !== null && a > b - 1_000 && a < b + 1_000);

export interface ModelHold {
  readonly type: DisputeType | null;
  /** From when on it counts, which may be before it was begun. */
  readonly from: number;
  until: number | null;
}

interface ModelDispute {
  readonly type: DisputeType;
  readonly opener: Role;
  readonly openedAt: number;
  readonly change: ModelChange;
  /** The deadline that was promised when it was opened. */
  readonly promised: number;
  resolution: string | null;
  respondBy: number;
  /** When the respondent saw it first, and was notified first. */
  seen: number | null;
  notified: number | null;
}

/** How long the opener of a declined request waits before the same one, in steps. */
export const COOLDOWN = 30;
/** Disputes that one party opens on an order within a day, which no history outlasts. */
const OPENINGS = 10;

/** How long each request is open, in steps. */
export const WINDOWS: Readonly<Record<DisputeType, number>> = { order_update: 48, cancellation: 48, order_change: 96 };

/**
 * The contract once more, as plainly as it can be put: one order, one dispute at a time, and a clock that is walked step
 * by step. It shares nothing with the rules that it is compared with, and is in no hurry.
 */
export class Model {
  reported: ReportedStatus = 'in_progress';
  revision = 1;
  cancelledByUs = false as boolean;
  /** The date that holds, and the one that was reported first of those that are the same. */
  date: number | null = null;
  #reportedDate: number | null = null;
  currency = 'USD';
  extras: string[] = [];
  last: ModelDispute | null = null;
  readonly holds: ModelHold[] = [];
  /** From when on a declined request may be opened again, by its type and opener. */
  readonly #waits = new Map<string, number>();
  readonly #openings: Record<Role, number> = { client: 0, freelancer: 0 };
  #now = 0;

  get open(): ModelDispute | null {
    return this.last?.resolution === null ? this.last : null;
  }

  get status(): string {
    if (this.cancelledByUs) return 'mutually_cancelled';
    return this.open === null ? this.reported : 'in_dispute';
  }

  /** Whether a step of time counts for no dispute of a type. */
  #isHeld(type: DisputeType, step: number): boolean {
    return this.holds.some(
      (hold) =>
        (hold.type === null || hold.type === type) && hold.from <= step && (hold.until === null || step < hold.until),
    );
  }

  /** Whether a hold keeps the open dispute now. */
  get held(): boolean {
    const { open } = this;
    return open !== null && this.holds.some(({ type, until }) => until === null && (type ?? open.type) === open.type);
  }

  /** Lets time go on: a deadline ahead moves along while it is held, and silence takes effect when it is reached. */
  walkTo(now: number): void {
    for (; this.#now < now; this.#now += 1) {
      this.#expire();
      this.#pause();
    }
    this.#expire();
  }

  #pause(): void {
    const { open } = this;
    if (open !== null && this.#isHeld(open.type, this.#now)) open.respondBy += 1;
  }

  /** Begins a hold that counts from an instant that is past, or from now: the open dispute gets its time once more. */
  hold(type: DisputeType | null, from: number): void {
    this.holds.push({ type, from, until: null });
    const { open } = this;
    if (open === null) return;
    open.respondBy = open.promised;
    for (let step = open.openedAt; step < this.#now; step += 1) {
      if (step < open.respondBy && this.#isHeld(open.type, step)) open.respondBy += 1;
    }
  }

  #expire(): void {
    if (this.open !== null && this.#now >= this.open.respondBy) this.#end('expired');
  }

  #end(resolution: string): void {
    const { open } = this;
    if (open === null) return;
    open.resolution = resolution;
    if (open.type === 'cancellation' && (resolution === 'accepted' || resolution === 'expired'))
      this.cancelledByUs = true;
  }

  /** The answer to a command. */
  tell(ask: Ask): string {
    if (ask.what === 'report') return this.#report(ask);
    if (ask.what === 'seen' || ask.what === 'notified') return this.#note(ask.what, ask.by);
    return ask.what === 'open' ? this.#openOne(ask.type, ask.by, ask.change) : this.#act(ask.what, ask.by);
  }

  #openOne(type: DisputeType, by: Role, change: ModelChange): string {
    if (type === 'order_update' && by !== 'client') return 'action_not_allowed';
    if (type === 'order_change' && by !== 'freelancer') return 'action_not_allowed';
    if (this.cancelledByUs || ['completed', 'cancelled'].includes(this.status)) return 'order_not_disputable';
    if (this.open !== null) return 'dispute_already_open';
    if (this.#openings[by] >= OPENINGS) return 'dispute_limit_reached';
    if (this.#now < (this.#waits.get(`${type} ${by}`) ?? 0)) return 'cooldown_active';
    if (type === 'order_change' && this.#misfit(change) !== null) return 'invalid_change';
    this.#openings[by] += 1;
    const promised = this.#now + WINDOWS[type];
    const unknown = { seen: null, notified: null };
    const deadline = { promised, respondBy: promised };
    this.last = { type, opener: by, openedAt: this.#now, change, resolution: null, ...deadline, ...unknown };
    return 'done';
  }

  /** Why a change does not fit the order as it is now, or null. */
  #misfit({ date, currency }: ModelChange): string | null {
    if (date !== null && date <= this.#now) return 'date_passed';
    if (date !== null && this.date !== null && date <= this.date) return 'date_not_later';
    return currency !== null && currency !== this.currency ? 'currency_changed' : null;
  }

  /** What is known of the respondent, as long as the dispute is open. */
  #note(what: 'seen' | 'notified', by: Role): string {
    const { open } = this;
    if (open !== null && by !== open.opener) open[what] ??= this.#now;
    return 'done';
  }

  #act(what: DisputeAction, by: Role): string {
    const dispute = this.last;
    if (dispute === null) throw new Error('there is no dispute to act on');
    const isUpdate = dispute.type === 'order_update';
    if (what === 'provide_update' && !isUpdate) return 'action_not_allowed';
    if ((what === 'accept' || what === 'decline') && isUpdate) return 'action_not_allowed';
    if (what === 'withdraw' && by !== dispute.opener) return 'not_opener';
    if (what !== 'withdraw' && what !== 'add_comment' && by === dispute.opener) return 'not_respondent';
    if (dispute.resolution === 'expired') return 'response_window_closed';
    if (dispute.resolution !== null) return 'dispute_not_open';
    if (what === 'accept' && dispute.type === 'order_change') {
      const misfit = this.#misfit(dispute.change);
      if (misfit !== null) return `change_outdated ${misfit}`;
      this.date = dispute.change.date ?? this.date;
      if (dispute.change.currency !== null) this.extras.push(dispute.change.currency);
    }
    if (what === 'decline') this.#waits.set(`${dispute.type} ${dispute.opener}`, this.#now + COOLDOWN);
    const ends = {
      accept: 'accepted',
      decline: 'declined',
      provide_update: 'answered',
      withdraw: 'withdrawn',
    } as const;
    if (what !== 'add_comment') this.#end(ends[what]);
    return 'done';
  }

  #report({ status, revision, date, currency }: Extract<Ask, { what: 'report' }>): string {
    const repeats = status === this.reported && isSame(date, this.#reportedDate) && currency === this.currency;
    if (revision === this.revision && repeats) return 'done';
    if (revision <= this.revision) return 'stale_revision';
    const isFinal = status === 'completed' || status === 'cancelled';
    if (this.cancelledByUs && !isFinal) return 'order_closed';
    this.revision = revision;
    this.reported = status;
    this.currency = currency;
    if (!isSame(date, this.#reportedDate)) {
      this.#reportedDate = date;
      if (!isSame(date, this.date)) this.date = date;
    }
    if (isFinal) this.#end('superseded');
    else if (status === 'delivered' && this.open?.type === 'order_update') this.#end('answered');
    return 'done';
  }
}
