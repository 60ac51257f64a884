import type { Command } from '../../../src/domain/commands.ts';
import { decide } from '../../../src/domain/decide.ts';
import { type Hold, noticeOf, openDisputeOf, type State } from '../../../src/domain/state.ts';
import { applyDue, asSeenAt, type Entry, type Step } from '../../../src/domain/transition.ts';
import { act, notified, open, orderOf, report, seenBy, T0 } from '../../domain/builders.ts';
import { type Ask, COOLDOWN, WINDOWS } from './model.ts';

/** What goes wrong with a request: it dies before its commit, or its answer gets lost after it. */
export type Fault = 'none' | 'before the commit' | 'after the commit';

/** The service as far as the rules and its transactions go: what is committed, under which keys, and nothing else. */
export class World {
  state: State;
  holds: Hold[] = [];
  readonly log: Entry[] = [];
  readonly #answers = new Map<string, string>();
  #disputes = 0;

  constructor() {
    this.state = decide(
      { order: null, disputes: [], holds: [] },
      report({ revision: 1, status: 'in_progress', deliverBy: null }),
      T0,
    ).state;
  }

  /** No decision lies before the last change. */
  #instant(now: number): number {
    return Math.max(T0 + now, orderOf(this.state).updatedAt);
  }

  #load(): State {
    return { ...this.state, holds: this.holds };
  }

  #commit({ state, entries }: Step): void {
    this.state = state;
    this.log.push(...entries);
  }

  #command(ask: Ask, at: number): Command {
    const disputeId = `dispute-${this.#disputes}`;
    if (ask.what === 'seen') return { ...seenBy(ask.by), disputeId };
    if (ask.what === 'notified') return { ...notified(ask.by, 'email', at), disputeId };
    if (ask.what === 'report') {
      const { status, revision, date, currency } = ask;
      const deliverBy = date === null ? null : T0 + date;
      return report({ status, revision, deliverBy, price: { amount: 20_000, currency } });
    }
    if (ask.what !== 'open') return act(ask.what, ask.by, { disputeId });
    const { date, currency } = ask.change;
    const change =
      ask.type === 'order_change'
        ? {
            deliverBy: date === null ? null : T0 + date,
            extras: currency === null ? [] : [{ title: 'Extra', price: { amount: 1, currency } }],
          }
        : null;
    const next = `dispute-${this.#disputes + 1}`;
    return open(ask.type, ask.by, { disputeId: next, change, windowMs: WINDOWS[ask.type], cooldownMs: COOLDOWN });
  }

  /** Takes a request, once for its key; null if its sender gets no answer. */
  tell(ask: Ask, now: number, key: string, fault: Fault): string | null {
    const kept = this.#answers.get(key);
    if (kept !== undefined) return fault === 'none' ? kept : null;
    const at = this.#instant(now);
    const decision = decide(this.#load(), this.#command(ask, at), at);
    if (fault === 'before the commit') return null;
    this.#commit(decision);
    const { rejection } = decision;
    const answer =
      rejection?.code === 'change_outdated' ? `${rejection.code} ${rejection.reason}` : (rejection?.code ?? 'done');
    this.#answers.set(key, answer);
    if (ask.what === 'open' && answer === 'done') this.#disputes += 1;
    return fault === 'none' ? answer : null;
  }

  /** A job, a sweeper or a reader comes by, as often as they like. */
  wake(now: number): void {
    this.#commit(applyDue(this.#load(), this.#instant(now)));
  }

  /** The deadline of a dispute, if the last hold were to end now. */
  #deadline(id: string, now: number): number | undefined {
    const instant = this.#instant(now);
    const holds = this.holds.map((hold) => ({ ...hold, until: hold.until ?? instant }));
    return applyDue({ ...this.state, holds }, instant).state.disputes.find((one) => one.id === id)?.respondBy;
  }

  /** Whether the open dispute is seen as held, once what is due has been written. */
  #isHeld(now: number): boolean {
    const { state } = applyDue(this.#load(), this.#instant(now));
    return (openDisputeOf(asSeenAt(state, this.#instant(now)))?.heldSince ?? null) !== null;
  }

  /** What any reader has to see. */
  see(now: number) {
    const seen = asSeenAt(this.#load(), this.#instant(now));
    const dispute = seen.disputes.find(({ id }) => id === `dispute-${this.#disputes}`);
    const { status, reportedStatus, deliverBy, price, extras, revision } = orderOf(seen);
    const notice = dispute === undefined ? null : noticeOf(dispute);
    return {
      status,
      seen: notice?.seenAt ?? null,
      notified: notice?.notifiedAt ?? null,
      reported: reportedStatus,
      revision,
      date: deliverBy === null ? null : deliverBy - T0,
      currency: price.currency,
      extras: extras.map((extra) => extra.price.currency),
      resolution: dispute?.resolved?.resolution ?? null,
      isHeld: this.#isHeld(now),
      respondBy: dispute === undefined ? undefined : this.#deadline(dispute.id, now),
    };
  }
}
