import { actOnDispute } from './answering.ts';
import type { Command, Rejection } from './commands.ts';
import { recordNotice } from './notices.ts';
import { openDispute } from './opening.ts';
import { reportOrder } from './reporting.ts';
import type { Instant, Order, State } from './state.ts';
import { applyDue, creditHold, type Step } from './transition.ts';

/** What a decision comes to: the state afterwards, the entries that lead to it, and why the command was refused, if it was. */
export interface Decision extends Step {
  /** The part of it that silence did, before the command was looked at. */
  readonly settled: Step;
  readonly rejection: Rejection | null;
}

function isRejection(ruling: Step | Rejection): ruling is Rejection {
  return 'code' in ruling;
}

/** The same state: a ruling that changes nothing gives it back as it is. */
function hasOrder(state: State): state is State & { order: Order } {
  return state.order !== null;
}

function rule(state: State, command: Command, now: Instant): Step | Rejection {
  if (command.kind === 'report_order') return reportOrder(state, command, now);
  if (!hasOrder(state)) throw new Error(`${command.kind} needs an order`);
  switch (command.kind) {
    case 'open_dispute':
      return openDispute(state, command, now);
    case 'mark_seen':
    case 'record_notice':
      return recordNotice(state, command, now);
    default:
      return actOnDispute(state, command, now);
  }
}

/**
 * Decides one command at one instant. Silence that is due takes effect first, also where the command is then refused.
 * A broken rule is a rejection, never an exception.
 * @param now the database's clock, read after the order was locked
 * @throws if the state lacks the order or the dispute that the command addresses
 */
export function decide(before: State, command: Command, now: Instant): Decision {
  const settled = applyDue(before, now);
  const credited = creditHold(settled.state, now);
  const { precondition } = command;
  // Readers see a held dispute as it is stored, so that their condition is about that.
  const asked = precondition === null ? command : { ...command, precondition: () => precondition(settled.state) };
  const ruling = rule(credited.state, asked, now);
  if (isRejection(ruling)) return { ...settled, settled, rejection: ruling };
  // A command that changes nothing leaves also the deadline of a held dispute to the end of the hold.
  if (ruling.state === credited.state) return { ...settled, settled, rejection: null };
  const entries = [...settled.entries, ...credited.entries, ...ruling.entries];
  return { state: ruling.state, entries, settled, rejection: null };
}
