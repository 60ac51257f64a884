import { mismatch } from './actions.ts';
import type { OrderReport, Rejection, ReportOrder } from './commands.ts';
import { ruleOf } from './rules.ts';
import { isSameContent } from './same-content.ts';
import { detailsOf, type Instant, isTerminal, type Order, openDisputeOf, type State } from './state.ts';
import { move, resolve, type Step } from './transition.ts';

function firstReport(state: State, report: OrderReport, now: Instant): Step {
  const order: Order = {
    id: report.orderId,
    clientId: report.clientId,
    freelancerId: report.freelancerId,
    status: report.status,
    reportedStatus: report.status,
    deliverBy: report.deliverBy,
    reportedDeliverBy: report.deliverBy,
    extras: [],
    disputeCount: 0,
    openings: [],
    declines: [],
    ...detailsOf(report),
    livemode: report.livemode,
    testClockId: report.testClockId,
    revision: report.revision,
    version: 0,
    cancelledByDisputeId: null,
    createdAt: now,
    updatedAt: now,
  };
  return { state: { ...state, order }, entries: [] };
}

const SECOND_MS = 1_000;

/** Whether two dates are the same to the second: order services drop or round fractions of a second. */
function isSameDate(a: Instant | null, b: Instant | null): boolean {
  return a === b || (a !== null && b !== null && Math.abs(a - b) < SECOND_MS);
}

/**
 * The dates after a report. A date that it repeats does not undo one that the parties agreed on meanwhile, and repeating
 * the agreed one changes nothing either.
 */
function reportedDates(order: Order, { deliverBy }: OrderReport): Pick<Order, 'deliverBy' | 'reportedDeliverBy'> {
  if (isSameDate(deliverBy, order.reportedDeliverBy)) return order;
  return {
    reportedDeliverBy: deliverBy,
    deliverBy: isSameDate(deliverBy, order.deliverBy) ? order.deliverBy : deliverBy,
  };
}

/** What a report changes. */
function reportedFacts(order: Order, report: OrderReport): Partial<Order> {
  const { deliverBy, reportedDeliverBy } = reportedDates(order, report);
  return {
    reportedStatus: report.status,
    reportedDeliverBy,
    deliverBy,
    ...detailsOf(report),
    revision: report.revision,
    testClockId: report.testClockId ?? order.testClockId,
  };
}

/** Whether a report names another test clock than the one that its order is on. */
const movesOrder = (order: Order | null, { testClockId }: OrderReport): boolean =>
  testClockId !== null && testClockId !== (order?.testClockId ?? null);

function isRepeated(order: Order, report: OrderReport): boolean {
  return (
    order.revision === report.revision &&
    order.reportedStatus === report.status &&
    isSameDate(order.reportedDeliverBy, report.deliverBy) &&
    isSameContent(detailsOf(order), detailsOf(report)) &&
    !movesOrder(order, report)
  );
}

function refusalOf(order: Order, report: OrderReport): Rejection | null {
  if (order.clientId !== report.clientId || order.freelancerId !== report.freelancerId) {
    return { code: 'parties_immutable' };
  }
  if (report.revision <= order.revision) return { code: 'stale_revision', revision: order.revision };
  if (order.status === 'mutually_cancelled' && !isTerminal(report.status)) return { code: 'order_closed' };
  return null;
}

/** Why an order cannot be put on the test clock that a report names. */
function clockRefusal(order: Order | null, { report, clock }: ReportOrder): Rejection | null {
  if (!movesOrder(order, report)) return null;
  if (clock === null) return { code: 'validation_failed', pointer: '/testClockId' };
  // Its deadlines were promised in the time that it has.
  if (order !== null && order.disputeCount > 0) return { code: 'order_has_disputes' };
  return clock.isFull ? { code: 'clock_limit_reached' } : null;
}

function exclusionRefusal(state: State, { exclusion }: ReportOrder): Rejection | null {
  return exclusion === null || exclusion(state) ? null : { code: 'version_mismatch', exists: true };
}

/** Takes in what the order service says of an order, or says why not. The same report again changes nothing. */
export function reportOrder(state: State, command: ReportOrder, now: Instant): Step | Rejection {
  const { order } = state;
  const { actor, report } = command;
  if (order === null) {
    return clockRefusal(order, command) ?? mismatch(state, command) ?? firstReport(state, report, now);
  }
  const samePeople = order.clientId === report.clientId && order.freelancerId === report.freelancerId;
  const excluded = exclusionRefusal(state, command);
  if (samePeople && isRepeated(order, report)) return excluded ?? { state, entries: [] };
  const refusal = refusalOf(order, report) ?? clockRefusal(order, command) ?? excluded ?? mismatch(state, command);
  if (refusal !== null) return refusal;

  const facts = reportedFacts(order, report);
  const open = openDisputeOf(state);
  const known = { ...state, order };
  if (open !== null && isTerminal(report.status)) {
    return resolve(known, open, now, { resolution: 'superseded', effect: 'none', actor, order: facts });
  }
  if (open !== null && report.status === 'delivered' && ruleOf(open.type).answeredByDelivery) {
    return resolve(known, open, now, { resolution: 'answered', effect: 'none', actor, order: facts });
  }
  return move(known, now, { actor, order: facts });
}
