import { pgTable, text } from 'drizzle-orm/pg-core';
import { instant } from '../platform/postgres/columns.ts';

export const erasures = pgTable('erasures', {
  userId: text('user_id').primaryKey(),
  requestedAt: instant('requested_at').notNull(),
  requestedBy: text('requested_by').notNull(),
  finishedAt: instant('finished_at'),
});
