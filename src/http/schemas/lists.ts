import { z } from 'zod';
import { SORTS } from '../../application/read.ts';
import { COUNTED_AT_MOST } from '../../application/summary.ts';
import { DISPUTE_TYPES, RESOLUTIONS, ROLES } from '../../domain/rules.ts';

import { InstantInput, OrderId, Timestamp, UserId, uuid } from './common.ts';

import { DISPUTE_STATUSES, Dispute, DisputeStatus, DisputeType, Resolution } from './disputes.ts';
import { cursor, decimal, listOf } from './input.ts';

export const DisputePage = z
  .strictObject({
    data: z.array(Dispute),
    nextCursor: z.string().nullable().meta({ description: 'The `cursor` of the next page; null after the last one.' }),
  })
  .meta({ id: 'DisputePage' });

export const DisputeSummary = z
  .strictObject({
    actionRequired: z
      .int()
      .min(0)
      .max(COUNTED_AT_MOST)
      .meta({ description: `How many wait for the caller's answer; ${COUNTED_AT_MOST} stands for that many or more.` }),
    awaitingOtherParty: z
      .int()
      .min(0)
      .max(COUNTED_AT_MOST)
      .meta({ description: `How many wait for the other party; ${COUNTED_AT_MOST} stands for that many or more.` }),
    nextRespondBy: Timestamp.nullable().meta({
      description:
        'The earliest `respondBy` of those that wait for the caller, which may lie in the past while its dispute is held; null ' +
        'where none waits.',
    }),
  })
  .meta({ id: 'DisputeSummary', description: "What a badge shows of a user's open disputes." });

const page = {
  limit: decimal({ min: 1, max: 100, byDefault: 20 }).meta({ description: 'How many disputes a page has at most.' }),
  cursor: cursor(300).meta({ description: 'The `nextCursor` of the page before, with the same filters and sort.' }),
};

export const OrderDisputesQuery = z.strictObject(page);

export const DisputesQuery = z.strictObject({
  status: listOf(DISPUTE_STATUSES, DisputeStatus).meta({ description: 'Any of these, with commas between.' }),
  type: listOf(DISPUTE_TYPES, DisputeType).meta({ description: 'Any of these, with commas between.' }),
  resolution: listOf(RESOLUTIONS, Resolution).meta({
    description: 'Any of these, with commas between; open disputes have none.',
  }),
  awaiting: z
    .enum(['me', ...ROLES])
    .optional()
    .meta({ description: 'Open disputes in which this role has to respond; `me` (users only) in whichever role.' }),
  orderId: OrderId.optional(),
  partyId: UserId.optional().meta({ description: 'Services only: disputes in which this user is a party.' }),
  respondByBefore: InstantInput.optional(),
  updatedAfter: InstantInput.optional().meta({
    description:
      'Changed at this instant or later. Safe for polling: pass the greatest `updatedAt` that you have seen, and drop what you ' +
      'have in the same `version`; nothing is missed, since a change is listed only once every earlier one is committed. ' +
      'In a sandbox, a list by time of change has orders in real time only; with `testClockId` it has those of one clock, by ' +
      "the clock's time. " +
      '`GET /v1/events` and the event streams are the better way: they send each change once, with what changed.',
  }),
  testClockId: uuid().optional().meta({ description: 'In a sandbox: disputes of the orders on this test clock.' }),
  sort: z
    .enum(SORTS)
    .default('-openedAt')
    .meta({
      description:
        'Oldest first, or with a minus newest first. With `openedAt` each dispute comes exactly once, whatever happens ' +
        'while you page; with `updatedAt` one that changes meanwhile comes again, further on.',
    }),
  ...page,
});
