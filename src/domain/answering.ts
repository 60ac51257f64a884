import { actionRefusal, commentIsRequired, mismatch } from './actions.ts';
import type { DisputeCommand, Rejection } from './commands.ts';
import { ruleOf } from './rules.ts';
import type { Dispute, Instant, Order, State } from './state.ts';
import { move, resolve, type Step } from './transition.ts';

type Known = State & { order: Order };

function refusalOf(state: Known, dispute: Dispute, command: DisputeCommand, now: Instant): Rejection | null {
  const refused = actionRefusal(state.order, dispute, command.kind, command.actor.role, now);
  const refusal = refused ?? mismatch(state, command);
  if (refusal !== null) return refusal;
  return command.comment === null && commentIsRequired(dispute.type, command.kind)
    ? { code: 'comment_required' }
    : null;
}

/**
 * Answers, withdraws or comments on a dispute, or says why not.
 * @throws if the dispute is not part of the state: its caller has to load it first
 */
export function actOnDispute(state: Known, command: DisputeCommand, now: Instant): Step | Rejection {
  const dispute = state.disputes.find(({ id }) => id === command.disputeId);
  if (dispute === undefined) throw new Error(`dispute ${command.disputeId} is not loaded`);
  const refusal = refusalOf(state, dispute, command, now);
  if (refusal !== null) return refusal;

  const { actor, comment } = command;
  switch (command.kind) {
    case 'add_comment':
      return move(state, now, {
        actor,
        type: 'dispute.comment_added',
        dispute: { ...dispute, updatedAt: now, commentCount: dispute.commentCount + 1, version: dispute.version + 1 },
        comment,
      });
    case 'withdraw':
      return resolve(state, dispute, now, { resolution: 'withdrawn', effect: 'none', actor, comment });
    default: {
      const answer = ruleOf(dispute.type).answers[command.kind];
      if (answer === undefined) return { code: 'action_not_allowed' };
      return resolve(state, dispute, now, { resolution: answer.resolution, effect: answer.effect, actor, comment });
    }
  }
}
