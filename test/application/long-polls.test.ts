import { beforeAll, expect, test } from 'vitest';
import { awaitFeed } from '../../src/application/feed/await-feed.ts';
import { seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { observedDatabase } from '../proofs/races/observed-database.ts';

const POLLS = 50;
const MINUTE_MS = 60_000;

let service: Service;
beforeAll(async () => {
  service = await startService();
});

test('long polls that wait cost one reader of the log, and each gets what comes', async () => {
  const counts = new Map<string, number>();
  const db = observedDatabase(
    service.database.url,
    (statement) => {
      counts.set(statement.text, (counts.get(statement.text) ?? 0) + 1);
      return statement.send();
    },
    4,
  );
  const signal = new AbortController().signal;
  const polls = Array.from({ length: POLLS }, () => awaitFeed(db, { after: 0, limit: 10 }, MINUTE_MS, signal));
  const all = () => [...counts.values()].sort((one, other) => other - one);
  await waitFor('each has read its page', async () => (all()[1] ?? 0) >= POLLS);
  const [before] = [new Map(counts)];
  const more = () => [...counts].map(([text, count]) => count - (before.get(text) ?? 0));
  await waitFor('the reader has looked five times', async () => Math.max(...more()) >= 5);
  // Each of them alone would have looked five times, too; the last of a poll's own statements may still have been under way.
  expect(Math.max(...more())).toBeLessThan(2 * POLLS);
  await seedDispute(service, 'cancellation');
  const pages = await Promise.all(polls);
  expect(pages.map(({ rows }) => rows[0]?.seq)).toEqual(Array(POLLS).fill(1));
});
