import { z } from 'zod';
import { ENTRY_TYPES } from '../../domain/commands.ts';
import { LIMITS } from '../../domain/rules.ts';
import { Extra, Timestamp } from './common.ts';
import { Dispute, OnExpiry, OrderStatus } from './disputes.ts';
import { flag } from './input.ts';
import { Order } from './orders.ts';

/** What the successes of dry runs are described with. */
export const DRY_RUN = 'With `dryRun`: what it would come to. Nothing has happened.';

export const DryRunQuery = z.strictObject({
  dryRun: flag().meta({
    description:
      '`true`: say what the command would come to if it were carried out now, by the same checks and with the same refusals, ' +
      'and do not carry it out. No idempotency key is kept, and no event is sent.',
  }),
});

export type DryRunQuery = z.output<typeof DryRunQuery>;

const Effects = z
  .strictObject({
    order: z.strictObject({
      status: z.strictObject({
        from: OrderStatus.nullable().meta({ description: 'Null for a new order.' }),
        to: OrderStatus,
      }),
      deliverBy: z
        .strictObject({ from: Timestamp.nullable(), to: Timestamp.nullable() })
        .optional()
        .meta({ description: 'Only where it changes.' }),
      extras: z
        .array(Extra)
        .max(LIMITS.extras)
        .optional()
        .meta({ description: 'The extras that are added; only where there are some.' }),
    }),
    deadline: z
      .strictObject({ set: Timestamp.optional(), cleared: Timestamp.optional(), kept: Timestamp.optional() })
      .nullable()
      .meta({
        description: 'What becomes of the deadline, as one of the three; null where there is none before and after.',
      }),
    events: z
      .array(z.enum(ENTRY_TYPES))
      .max(ENTRY_TYPES.length)
      .meta({ description: 'The types of the events that it would send, in order.' }),
    onExpiry: OnExpiry.optional().meta({
      description: 'What silence would do from then on; only while a dispute is open.',
    }),
  })
  .meta({ id: 'Effects', description: 'What a command would change.' });

const dryRun = z.literal(true);

export const DisputeDryRun = z
  .strictObject({ dryRun, dispute: Dispute, effects: Effects })
  .meta({ id: 'DisputeDryRun', description: 'The dispute as it would be, and what else would change.' });

export const OrderDryRun = z
  .strictObject({ dryRun, order: Order, effects: Effects })
  .meta({ id: 'OrderDryRun', description: 'The order as it would be, and what else would change.' });
