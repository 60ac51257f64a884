import { z } from 'zod';
import { partyIdOf } from '../../application/caller.ts';
import { readOrder, readTimeline } from '../../application/read.ts';
import { DISPUTE_ACTIONS, type DisputeAction, LIMITS } from '../../domain/rules.ts';
import { type Party, roleIn } from '../../domain/state.ts';
import {
  asParty,
  carryOut,
  carryOutOnDispute,
  DISPUTE_NOW,
  disputeAfter,
  disputeDryRun,
  disputePrecondition,
  orderPrecondition,
} from '../endpoint/commands.ts';
import { type Endpoint, operation } from '../endpoint/endpoint.ts';
import { idempotencyKey } from '../endpoint/idempotency-key.ts';
import { stored } from '../endpoint/reply.ts';
import { disputeHref, presentDispute } from '../present/disputes.ts';
import { presentTimeline, timelinePlace } from '../present/timeline.ts';
import { type ProblemCode, problemError } from '../problems/problems.ts';
import { DisputeId, OrderId } from '../schemas/common.ts';
import {
  AnswerRequest,
  CommentRequest,
  Dispute,
  OpenDisputeRequest,
  Timeline,
  TimelineQuery,
} from '../schemas/disputes.ts';
import { DisputeDryRun, DRY_RUN, DryRunQuery } from '../schemas/dry-run.ts';

const DisputeParams = z.strictObject({ id: DisputeId });

const openDispute = operation({
  operationId: 'openDispute',
  method: 'POST',
  path: '/v1/orders/{orderId}/disputes',
  tag: 'Disputes',
  summary: 'Open a dispute',
  description:
    'Asks the other party for a progress update, for the cancellation of the order, or for a change of it. ' +
    'From then on the order is `in_dispute`, until the other party answers, the opener withdraws, or `respondBy` passes.',
  access: { party: true },
  params: z.strictObject({ orderId: OrderId }),
  query: DryRunQuery,
  body: OpenDisputeRequest,
  takesKey: true,
  takesIfMatch: true,
  success: [
    { status: 201, description: 'The dispute is open.', schema: Dispute, headers: ['Location', 'ETag'] },
    { status: 201, description: DRY_RUN, schema: DisputeDryRun, dryRun: true },
  ],
  problems: [
    'not_found',
    'action_not_allowed',
    'order_not_disputable',
    'dispute_already_open',
    'dispute_limit_reached',
    'cooldown_active',
    'reason_required',
    'reason_not_allowed',
    'comment_required',
    'invalid_change',
  ],
  handle: (call) => {
    const { type, reason = null, comment = null, change } = call.body;
    const { orderId } = call.params;
    const disputeId = call.deps.write.newId();
    const precondition = orderPrecondition(call);
    const command = (party: Party | null) =>
      ({
        kind: 'open_dispute',
        precondition,
        actor: asParty(party),
        disputeId,
        type,
        reason,
        comment,
        change: change === undefined ? null : { deliverBy: change.deliverBy ?? null, extras: change.extras ?? [] },
        windowMs: call.deps.windowsMs[type],
        cooldownMs: call.deps.cooldownMs,
        remindersMs: call.deps.remindersMs,
      }) as const;
    const asked = { url: `/v1/orders/${orderId}/disputes`, target: { orderId }, command, key: idempotencyKey(call) };
    return carryOut(call, asked, {
      success: (decided) => {
        const body = disputeAfter(decided);
        return stored(call.reply(201, body, { location: disputeHref(body.id), etag: body.etag }));
      },
      dryRun: (decided) => stored(call.reply(201, disputeDryRun(decided))),
    });
  },
});

interface ActionText {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly problems: readonly ProblemCode[];
}

function actionOperation(action: DisputeAction): Endpoint {
  const text = ACTIONS[action];
  const comments = action === 'add_comment';
  const body: z.ZodType<{ comment?: string | undefined }> = comments ? CommentRequest : AnswerRequest;
  return operation({
    ...text,
    method: 'POST',
    path: disputeHref('{id}', action),
    tag: 'Disputes',
    access: { party: true },
    params: DisputeParams,
    query: DryRunQuery,
    body,
    ...(!comments && { bodyMayBeAbsent: true as const }),
    takesKey: true,
    takesIfMatch: true,
    success: DISPUTE_NOW,
    problems: ['not_found', 'dispute_not_open', 'response_window_closed', ...text.problems],
    handle: (call) => {
      const { id: disputeId } = call.params;
      const { comment = null } = call.body;
      const precondition = disputePrecondition(call, disputeId);
      const command = (party: Party | null) => {
        const common = { actor: asParty(party), disputeId, precondition };
        // The schema has seen to it that a comment to be added is there.
        return action === 'add_comment'
          ? { kind: action, ...common, comment: comment ?? '' }
          : { kind: action, ...common, comment };
      };
      const asked = { url: disputeHref(disputeId, action), target: { disputeId }, command, key: idempotencyKey(call) };
      return carryOutOnDispute(call, asked);
    },
  });
}

const ACTIONS: Readonly<Record<DisputeAction, ActionText>> = {
  accept: {
    operationId: 'acceptDispute',
    summary: 'Accept a request',
    description:
      'The respondent agrees: a cancellation cancels the order, an order change is applied. A change has to fit the order as ' +
      'it is then: if its date has passed or is not later than the current one, or its extras are in another currency, the ' +
      'answer is `change_outdated`.',
    problems: ['not_respondent', 'action_not_allowed', 'change_outdated'],
  },
  decline: {
    operationId: 'declineDispute',
    summary: 'Decline a request',
    description: 'The respondent refuses: the order goes back to its previous status, nothing else changes.',
    problems: ['not_respondent', 'action_not_allowed'],
  },
  provide_update: {
    operationId: 'provideUpdate',
    summary: 'Provide a progress update',
    description: 'The freelancer answers an order update with a comment.',
    problems: ['not_respondent', 'action_not_allowed', 'comment_required'],
  },
  withdraw: {
    operationId: 'withdrawDispute',
    summary: 'Withdraw a request',
    description: 'The opener takes the request back: the order goes back to its previous status.',
    problems: ['not_opener'],
  },
  add_comment: {
    operationId: 'addComment',
    summary: 'Add a comment',
    description:
      'Either party writes to the other while the dispute is open; the other sees it at once, and no third party does. A ' +
      `dispute has at most ${LIMITS.comments} such comments.`,
    problems: ['comment_limit_reached'],
  },
};

const getDispute = operation({
  operationId: 'getDispute',
  method: 'GET',
  path: '/v1/disputes/{id}',
  tag: 'Disputes',
  summary: 'Read a dispute',
  description: 'The dispute as the caller sees it, with what the caller may do about it now.',
  access: { party: true, scopes: ['disputes:read'] },
  forOperatorsToo: true,
  params: DisputeParams,
  success: [{ status: 200, description: 'The dispute.', schema: Dispute, headers: ['ETag'] }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params, reply }) => {
    const found = await readOrder(deps.write, { disputeId: params.id }, partyIdOf(caller));
    const dispute = found?.disputes.find(({ id }) => id === params.id);
    if (found === undefined || dispute === undefined) {
      throw problemError('not_found', 'There is no such dispute, or it is not yours.');
    }
    const role = caller.kind === 'user' ? roleIn(found.order, caller.id) : null;
    const body = presentDispute(dispute, found.order, role, found.now);
    return reply(200, body, { etag: body.etag });
  },
});

const getTimeline = operation({
  operationId: 'getTimeline',
  method: 'GET',
  path: '/v1/disputes/{id}/timeline',
  tag: 'Disputes',
  summary: 'Read the timeline of a dispute',
  description: 'Everything that happened to the dispute, oldest first, page by page. Services get it without comments.',
  access: { party: true, scopes: ['disputes:read'] },
  forOperatorsToo: true,
  params: DisputeParams,
  query: TimelineQuery,
  success: [{ status: 200, description: 'One page.', schema: Timeline }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params: { id }, query: { limit, cursor }, reply }) => {
    const after = cursor === undefined ? null : timelinePlace(cursor, id);
    const page = await readTimeline(deps.write, id, partyIdOf(caller), { after, limit });
    if (page === undefined) throw problemError('not_found', 'There is no such dispute, or it is not yours.');
    return reply(200, presentTimeline(page, id, caller.kind === 'user'));
  },
});

export const disputeRoutes = [openDispute, getDispute, ...DISPUTE_ACTIONS.map(actionOperation), getTimeline];
