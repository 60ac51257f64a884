import { sql } from 'drizzle-orm';
import type { Database, Tx } from '../../platform/postgres/database.ts';
import type { NewHold } from '../holds.ts';

// Locked in the order of their ids: no step of an advance comes between a clock's time and the hold that begins or ends at it.
const LOCKED_CLOCKS = sql`clocks AS MATERIALIZED (
  SELECT id, now FROM test_clocks WHERE status <> 'deleting' ORDER BY id FOR SHARE)`;

/** Has a hold begin on every test clock: as long before where the clock stands as it counts from before it was begun. */
export async function beginOnTestClocks(tx: Tx, { id, createdAt, since }: NewHold): Promise<void> {
  await tx.execute(sql`
    WITH ${LOCKED_CLOCKS}
    INSERT INTO test_clock_holds (test_clock_id, hold_id, started_at)
    SELECT id, ${id}::uuid, now - ${createdAt - since}::float8 * interval '1 millisecond' FROM clocks`);
}

/** Has the holds that last begin on a new clock. */
export async function beginLastingHolds(tx: Tx, testClockId: string): Promise<void> {
  await tx.execute(sql`
    INSERT INTO test_clock_holds (test_clock_id, hold_id, started_at)
    SELECT c.id, h.id, c.now FROM test_clocks c, holds h WHERE c.id = ${testClockId} AND h.released_at IS NULL`);
}

/** Has a hold end on every test clock, where the clock stands; where it has ended it stays as it is. */
export async function endOnTestClocks(tx: Tx, holdId: string): Promise<void> {
  await tx.execute(sql`
    WITH ${LOCKED_CLOCKS}
    UPDATE test_clock_holds h SET ended_at = clocks.now FROM clocks
    WHERE h.hold_id = ${holdId} AND h.test_clock_id = clocks.id AND h.ended_at IS NULL`);
}

/** Open disputes on test clocks that a hold covers, in the order of their ids: at most `limit` behind one. */
export async function heldOnTestClocks(
  { query }: Database,
  holdId: string,
  behind: string | null,
  limit: number,
): Promise<string[]> {
  const { rows } = await query.execute<{ id: string }>(sql`
    SELECT d.id FROM holds h
    JOIN test_clock_holds ch ON ch.hold_id = h.id
    JOIN disputes d ON d.test_clock_id = ch.test_clock_id AND d.test_clock_id IS NOT NULL AND d.status = 'open'
    WHERE h.id = ${holdId} AND (h.type IS NULL OR h.type = d.type)
      AND (h.order_ids IS NULL OR d.order_id = ANY (h.order_ids)) AND (${behind}::uuid IS NULL OR d.id > ${behind}::uuid)
    ORDER BY d.id LIMIT ${limit}`);
  return rows.map(({ id }) => id);
}
