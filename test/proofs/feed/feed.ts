import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDatabase } from '../../harness/database.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { EventPage } from '../../harness/types.ts';

export interface FeedRun {
  readonly seconds: number;
  readonly writers: number;
  readonly readers: number;
}

export interface FeedResult {
  /** The ids of all entries of the log, by their sequence. */
  readonly written: readonly string[];
  /** What each reader has seen, in the sequence in which it saw it. */
  readonly seen: readonly (readonly string[])[];
  /** How many entries were committed after one that happened later. */
  readonly overtaken: number;
}

/** Holds commits up by up to 30 ms, each by another time, so that what happened first is often committed last. */
export async function delayCommits(database: TestDatabase): Promise<void> {
  await database.query(
    `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN PERFORM pg_sleep(random() * random() * 0.03); RETURN NULL; END $$`,
  );
  await database.query(
    `CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON log_entries DEFERRABLE INITIALLY DEFERRED
     FOR EACH ROW EXECUTE FUNCTION dawdle()`,
  );
}

async function write(service: Service, until: number): Promise<void> {
  while (performance.now() < until) {
    const { id: orderId } = await seedOrder(service);
    const { id } = await seedDispute(service, 'cancellation', { orderId });
    await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'Please.' });
    await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`);
  }
}

const PATIENCE_MS = 10_000;

/** Reads until it has seen `total()`, or until nothing more has come for long after that is known. */
async function read(service: Service, limit: number, total: () => number | undefined): Promise<string[]> {
  const seen: string[] = [];
  const client = service.withScopes('events:read');
  let progressed = performance.now();
  const isOver = () => {
    const count = total();
    return count !== undefined && (seen.length >= count || performance.now() > progressed + PATIENCE_MS);
  };
  for (let after = 0; !isOver(); ) {
    const { data, nextAfter } = (await client.get<EventPage>(`/v1/events?after=${after}&limit=${limit}`)).body;
    seen.push(...data.map(({ id }) => id));
    if (data.length > 0) progressed = performance.now();
    after = nextAfter;
    await sleep(Math.random() * 20);
  }
  return seen;
}

const OVERTAKEN = `SELECT count(*)::integer AS count FROM (
  SELECT occurred_at < lag(occurred_at) OVER (ORDER BY seq) AS late FROM log_entries) AS pairs WHERE late`;

/** Has some write and others read the feed at the same time, through two processes' worth of service. */
export async function runFeed({ seconds, writers, readers }: FeedRun): Promise<FeedResult> {
  const one = await startService({ env: { DATABASE_POOL_SIZE: '30', REMINDERS: 'none', LOG_LEVEL: 'warn' } });
  const env = { DATABASE_POOL_SIZE: '30', REMINDERS: 'none', LOG_LEVEL: 'warn' };
  const services = [one, await startService({ database: one.database, env })];
  const of = (index: number) => services[index % services.length] ?? one;
  await delayCommits(one.database);

  const until = performance.now() + seconds * 1_000;
  let total: number | undefined;
  const reading = Promise.all(Array.from({ length: readers }, (_, n) => read(of(n), 7 + 31 * n, () => total)));
  await Promise.all(Array.from({ length: writers }, (_, n) => write(of(n), until)));
  const [count] = await one.database.query<{ count: number }>('SELECT count(*)::integer AS count FROM log_entries');
  total = count?.count ?? 0;
  const seen = await reading;
  const rows = await one.database.query<{ id: string }>('SELECT id FROM log_entries ORDER BY seq');
  const [late] = await one.database.query<{ count: number }>(OVERTAKEN);
  return { written: rows.map(({ id }) => id), seen, overtaken: late?.count ?? 0 };
}
