import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';

/**
 * Where a trap waits: at the write of a dispute, or at the COMMIT of a request with a key, when everything is decided and
 * the client knows nothing yet.
 */
export type Place = 'write' | 'commit';

// A row of `traps` makes a session that comes to its place sleep or, with no time to sleep, fail. Looking for one costs every
// write some microseconds, where making triggers while the load runs would stop it.
const SETUP = `
  CREATE TABLE traps (place text NOT NULL, target text NOT NULL, ms integer NOT NULL, PRIMARY KEY (place, target));
  CREATE FUNCTION trap_at_write() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE delay integer;
  BEGIN
    SELECT ms INTO delay FROM traps
    WHERE place = 'write' AND target IN (NEW.id::text, current_setting('application_name'));
    IF delay = 0 THEN RAISE EXCEPTION 'poison'; END IF;
    IF delay > 0 THEN PERFORM pg_sleep(delay / 1000.0); END IF;
    RETURN NEW;
  END $$;
  CREATE FUNCTION trap_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE delay integer;
  BEGIN
    SELECT ms INTO delay FROM traps WHERE place = 'commit' AND target = current_setting('application_name');
    IF delay > 0 THEN PERFORM pg_sleep(delay / 1000.0); END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER trap BEFORE UPDATE ON disputes FOR EACH ROW EXECUTE FUNCTION trap_at_write();
  CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON idempotency_keys DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION trap_at_commit();`;

/** Puts the traps' triggers into a database, with no trap set. */
export async function installTraps(pool: Pool): Promise<void> {
  await pool.query(SETUP);
}

const PERSISTENCE = 60;

/** Asks as often as it takes: the server may be away just now, by another fault. */
export async function ask<T extends object>(pool: Pool, text: string, values: unknown[] = []): Promise<T[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await pool.query<T>(text, values)).rows;
    } catch (error) {
      if (attempt === PERSISTENCE) throw error;
      await sleep(250);
    }
  }
}

/** Sets a trap for the time of `work`. */
export async function withTrap<T>(
  pool: Pool,
  [place, target, ms]: readonly [place: Place, target: string, ms: number],
  work: () => Promise<T>,
): Promise<T> {
  const set = 'INSERT INTO traps VALUES ($1, $2, $3) ON CONFLICT (place, target) DO UPDATE SET ms = excluded.ms';
  await ask(pool, set, [place, target, ms]);
  try {
    return await work();
  } finally {
    await ask(pool, 'DELETE FROM traps WHERE place = $1 AND target = $2', [place, target]);
  }
}

/** Waits until a session has walked into a trap; false if none does in time. */
export async function isCaught(pool: Pool, name: string, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  const sleeping = `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND wait_event = 'PgSleep' LIMIT 1`;
  while (performance.now() < until) {
    if ((await ask(pool, sleeping, [name])).length > 0) return true;
    await sleep(20);
  }
  return false;
}
