import { mismatch } from './actions.ts';
import type { MarkSeen, NoticeCommand, RecordNotice, Rejection } from './commands.ts';
import { LIMITS } from './rules.ts';
import type { Dispute, Instant, Notice, Notification, Order, State } from './state.ts';
import { move, type Step, withNotice } from './transition.ts';

type Known = State & { order: Order };

/** How far the clock of a mail service may be off, and what it may cut off an instant. */
const SKEW_MS = 60_000;

/** Mail is sent in real time: for an order on a test clock its instants mean nothing, and are moved into bounds. */
function invalidity(order: Order, { at }: Notification, { openedAt }: Dispute, now: Instant): Rejection | null {
  if (order.testClockId !== null) return null;
  const refused = { code: 'validation_failed', pointer: '/deliveredAt' } as const;
  if (at > now + SKEW_MS) return { ...refused, fault: { latest: now } };
  return at < openedAt - SKEW_MS ? { ...refused, fault: { earliest: openedAt } } : null;
}

/** A look of a party; null if it has looked before. */
function lookOf({ actor: { role } }: MarkSeen, { notices }: Dispute, now: Instant): Notice | null {
  const isKnown = notices.some((notice) => notice.kind === 'seen' && notice.role === role);
  return isKnown ? null : { kind: 'seen', role, at: now };
}

/** A notification of a party, not before its dispute and not after now; null if it was notified on this channel before. */
function notificationOf({ notification }: RecordNotice, { notices, openedAt }: Dispute, now: Instant): Notice | null {
  const { role, channel } = notification;
  const isKnown = notices.some(
    (notice) => notice.kind === 'notified' && notice.role === role && notice.channel === channel,
  );
  const at = Math.min(Math.max(notification.at, openedAt), now);
  return isKnown ? null : { kind: 'notified', role, channel, at };
}

const hasRoomFor = ({ notices }: Dispute, { role }: Notification): boolean =>
  notices.filter((notice) => notice.kind === 'notified' && notice.role === role).length < LIMITS.noticeChannels;

function refusalOf(state: Known, dispute: Dispute, command: NoticeCommand, news: Notice | null, now: Instant) {
  if (news?.kind === 'notified' && !hasRoomFor(dispute, news)) return { code: 'notice_limit_reached' } as const;
  const stale = mismatch(state, command);
  if (stale !== null || command.kind === 'mark_seen') return stale;
  return invalidity(state.order, command.notification, dispute, now);
}

/**
 * Records how a party heard of a dispute, or says why not. The first look of a party counts, and the first notice on each
 * channel; repeating it changes nothing, and nothing is recorded of a dispute that is resolved.
 * @throws if the dispute is not part of the state: its caller has to load it first
 */
export function recordNotice(state: Known, command: NoticeCommand, now: Instant): Step | Rejection {
  const dispute = state.disputes.find(({ id }) => id === command.disputeId);
  if (dispute === undefined) throw new Error(`dispute ${command.disputeId} is not loaded`);
  const first = command.kind === 'mark_seen' ? lookOf(command, dispute, now) : notificationOf(command, dispute, now);
  const news = dispute.resolved === null ? first : null;
  const refusal = refusalOf(state, dispute, command, news, now);
  if (refusal !== null) return refusal;
  if (news === null) return { state, entries: [] };
  const { actor } = command;
  const changed = { actor, dispute: withNotice(dispute, news, now) };
  if (news.kind !== 'notified') return move(state, now, { ...changed, type: 'dispute.seen' });
  const { kind: _, ...notification } = news;
  return move(state, now, { ...changed, type: 'dispute.notified', notification });
}
