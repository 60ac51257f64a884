import { z } from 'zod';
import { DISPUTE_TYPES, RESOLUTIONS, ROLES } from '../../domain/rules.ts';
import { SORTS } from '../../store/listing.ts';
import { InstantInput, OrderId, UserId } from './common.ts';
import { Dispute } from './disputes.ts';

export const DisputePage = z
  .strictObject({
    data: z.array(Dispute),
    nextCursor: z.string().nullable().meta({ description: 'The `cursor` of the next page; null after the last one.' }),
  })
  .meta({ id: 'DisputePage' });

const limit = z.coerce
  .number()
  .int()
  .min(1)
  .max(100)
  .default(20)
  .meta({ description: 'How many disputes a page has at most.' });

const cursor = z
  .string()
  .min(1)
  .max(200)
  .optional()
  .meta({ description: 'The `nextCursor` of the page before, with the same filters and sort.' });

export const OrderDisputesQuery = z.strictObject({ limit, cursor });

export const DisputesQuery = z.strictObject({
  status: z.enum(['open', 'resolved']).optional(),
  type: z.enum(DISPUTE_TYPES).optional(),
  resolution: z.enum(RESOLUTIONS).optional(),
  awaiting: z
    .enum(['me', ...ROLES])
    .optional()
    .meta({ description: 'Open disputes in which this role has to respond; `me` (users only) in whichever role.' }),
  orderId: OrderId.optional(),
  partyId: UserId.optional().meta({ description: 'Services only: disputes in which this user is a party.' }),
  respondByBefore: InstantInput.optional(),
  updatedAfter: InstantInput.optional(),
  sort: z
    .enum(SORTS)
    .default('-openedAt')
    .meta({
      description:
        'Oldest first, or with a minus newest first. With `openedAt` each dispute comes exactly once, whatever happens ' +
        'while you page; with `updatedAt` one that changes meanwhile comes again, further on.',
    }),
  limit,
  cursor,
});
