import { appendFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { decodeJwt } from 'jose';
import type pg from 'pg';

/**
 * A text that only the two parties may ever read. It is in the comments of the disputes that the harness opens, and
 * everything that comes out of any test is searched for it.
 */
export const CANARY = 'canary-9b41f7d2';

/** A file in which each test file notes where it has found the canary, and where that was right. */
const NOTES = 'TEST_RUN_CANARY_NOTES';

/** Says where the notes of this run are kept. */
export function announceNotes(file: string): void {
  process.env[NOTES] = file;
}

async function note(place: 'answers' | 'Postgres', count: number): Promise<void> {
  const file = process.env[NOTES];
  if (file !== undefined && count > 0) await appendFile(file, `${place} ${count}\n`);
}

/** Fails if a text holds the canary that must not. */
export function mustBeFree(text: string, place: string): void {
  if (text.includes(CANARY)) throw new Error(`a comment was found in ${place}: ${text.slice(0, 2_000)}`);
}

function mayRead(authorization: string | undefined): boolean {
  const [, token = ''] = authorization?.split(' ') ?? [];
  try {
    const { scope } = decodeJwt(token);
    return scope === undefined || String(scope).split(' ').includes('comments:read');
  } catch {
    return false;
  }
}

/** Fails if an answer shows a caller what it may not read: refusals and services' views hold no comments. */
export async function watchAnswer(
  { headers, path }: { readonly headers: Readonly<Record<string, string>>; readonly path: string },
  { status, text, headers: answered }: { readonly status: number; readonly text: string; readonly headers: object },
): Promise<void> {
  if (status < 400 && mayRead(headers['authorization'])) await note('answers', text.split(CANARY).length - 1);
  else mustBeFree(text, `the answer ${status} to ${path}`);
  mustBeFree(JSON.stringify(answered), `the headers of the answer to ${path}`);
}

/** Where comments are kept, and the answers to those who wrote them. */
const HOMES = new Set(['disputes.comment', 'log_entries.comment', 'idempotency_keys.response_body']);

/** Fails if a database holds the canary anywhere but where comments are kept. */
export async function searchDatabase(query: (sql: string) => Promise<pg.QueryResultRow[]>): Promise<void> {
  const columns = await query(
    `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
     JOIN information_schema.tables USING (table_schema, table_name)
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  );
  if (columns.length === 0) return;
  const counts = columns.map(
    ({ table, column }) =>
      `SELECT '${table}.${column}' AS place, count(*)::integer AS count FROM "${table}" WHERE "${column}"::text LIKE '%${CANARY}%'`,
  );
  const found = (await query(counts.join(' UNION ALL '))).filter(({ count }) => count > 0);
  for (const { place, count } of found) {
    if (!HOMES.has(place)) throw new Error(`a comment was found in ${place}`);
    await note('Postgres', count);
  }
}

async function storedAt(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return await redis.hgetall(key);
    case 'list':
      return await redis.lrange(key, 0, -1);
    case 'set':
      return await redis.smembers(key);
    case 'zset':
      return await redis.zrange(key, 0, '-1');
    case 'stream':
      return await redis.xrange(key, '-', '+');
    default:
      return await redis.get(key);
  }
}

/** Fails if a Redis holds the canary anywhere. */
export async function searchRedis(url: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  try {
    for await (const keys of redis.scanStream({ count: 1_000 })) {
      for (const key of keys as string[]) mustBeFree(`${key} ${JSON.stringify(await storedAt(redis, key))}`, 'Redis');
    }
  } finally {
    redis.disconnect();
  }
}

/** Sums up what all test files of a run have noted. */
export function sumUp(notes: string): string {
  const sum = (place: string) =>
    notes
      .split('\n')
      .filter((line) => line.startsWith(`${place} `))
      .reduce((total, line) => total + Number(line.slice(place.length)), 0);
  return (
    `What people wrote was found ${sum('Postgres')} times in Postgres where it belongs and ${sum('answers')} times in answers ` +
    'to those who may read it, and nowhere else: not in logs, output, Redis, refusals, or views of services.'
  );
}
