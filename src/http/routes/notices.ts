import { z } from 'zod';
import { LIMITS } from '../../domain/rules.ts';
import type { Party } from '../../domain/state.ts';
import { asParty, carryOutOnDispute, DISPUTE_NOW, disputePrecondition } from '../endpoint/commands.ts';
import { operation } from '../endpoint/endpoint.ts';
import { idempotencyKey } from '../endpoint/idempotency-key.ts';
import { disputeHref } from '../present/disputes.ts';
import { DisputeId } from '../schemas/common.ts';
import { NoticeRequest } from '../schemas/disputes.ts';
import { DryRunQuery } from '../schemas/dry-run.ts';

const DisputeParams = z.strictObject({ id: DisputeId });

const markDisputeSeen = operation({
  operationId: 'markDisputeSeen',
  method: 'POST',
  path: '/v1/disputes/{id}/seen',
  tag: 'Disputes',
  summary: 'Record that you have seen a dispute',
  description:
    'Send it when the request is on the screen. The first call of each party counts, and repeating it changes nothing; ' +
    "`notice.seenAt` is the respondent's. A dispute that is resolved stays as it is: the answer is 200, and nothing is recorded.",
  access: { party: true },
  params: DisputeParams,
  query: DryRunQuery,
  takesKey: true,
  takesIfMatch: true,
  success: DISPUTE_NOW,
  problems: ['not_found'],
  handle: (call) => {
    const { id: disputeId } = call.params;
    const precondition = disputePrecondition(call, disputeId);
    const command = (party: Party | null) =>
      ({ kind: 'mark_seen', actor: asParty(party), disputeId, precondition }) as const;
    const url = `${disputeHref(disputeId)}/seen`;
    return carryOutOnDispute(call, { url, target: { disputeId }, command, key: idempotencyKey(call) });
  },
});

const recordNotice = operation({
  operationId: 'recordNotice',
  method: 'POST',
  path: '/v1/disputes/{id}/notices',
  tag: 'Disputes',
  summary: 'Record that a party was notified',
  description:
    'For services that send people their mail: a message about the dispute has reached a party. Of each party the first notice ' +
    `on each channel counts, on at most ${LIMITS.noticeChannels} channels, and repeating it changes nothing. ` +
    '`notice.notifiedAt` is the earliest `deliveredAt` of the respondent. It lies between the opening and now; up to a minute ' +
    'beyond either, as clocks differ, is taken for that bound, and on a test clock any instant beyond. A dispute that is resolved stays as it is: the answer is 200, ' +
    'and nothing is recorded.',
  access: { scopes: ['notices:write'] },
  params: DisputeParams,
  query: DryRunQuery,
  body: NoticeRequest,
  takesKey: true,
  takesIfMatch: true,
  success: DISPUTE_NOW,
  problems: ['not_found', 'notice_limit_reached'],
  handle: (call) => {
    const { id: disputeId } = call.params;
    const { role, channel, deliveredAt } = call.body;
    const precondition = disputePrecondition(call, disputeId);
    const command = () =>
      ({
        kind: 'record_notice',
        actor: { role: 'notifier', id: call.caller.id },
        disputeId,
        notification: { role, channel, at: deliveredAt },
        precondition,
      }) as const;
    const url = `${disputeHref(disputeId)}/notices`;
    return carryOutOnDispute(call, { url, target: { disputeId }, command, key: idempotencyKey(call) });
  },
});

export const noticeRoutes = [markDisputeSeen, recordNotice];
