import { bigint, boolean, customType, date, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { DisputeType, Resolution, Role } from '../domain/rules.ts';

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

export const disputeStatistics = pgTable(
  'dispute_statistics',
  {
    day: date('day').notNull(),
    type: text('type').$type<DisputeType>().notNull(),
    openerRole: text('opener_role').$type<Role>().notNull(),
    reason: text('reason').notNull(),
    resolution: text('resolution').$type<Resolution | 'open'>().notNull(),
    disputes: bigint('disputes', { mode: 'number' }).notNull(),
    responses: bytes('responses').notNull(),
  },
  ({ day, type, openerRole, reason, resolution }) => [
    primaryKey({ columns: [day, type, openerRole, reason, resolution] }),
  ],
);

export const statisticsPosition = pgTable('statistics_position', {
  singleton: boolean('singleton').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).notNull(),
});
