import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { type Outcome, type Scene, sinceMs } from '../scene.ts';

/** Longer than a lock is waited for, with room for a busy machine. */
const BOUNDED_MS = 5_000;

async function lockOne(connection: PoolClient): Promise<string | undefined> {
  await connection.query('BEGIN');
  const { rows } = await connection.query<{ id: string; order_id: string }>(
    `SELECT id, order_id FROM disputes WHERE status = 'open' AND respond_by > clock_timestamp() + interval '1 second'
     ORDER BY respond_by LIMIT 1`,
  );
  const [row] = rows;
  if (row !== undefined) await connection.query('SELECT 1 FROM orders WHERE id = $1 FOR UPDATE', [row.order_id]);
  return row?.id;
}

/**
 * Asks for something that needs the lock; says how long the refusal took, or undefined if another fault came between. Both apis
 * are asked, since one of them may be frozen or away just now, for a reason of its own.
 */
async function askForIt({ client, breaches }: Scene, connection: PoolClient, id: string): Promise<number | undefined> {
  const path = `/v1/disputes/${id}/comments`;
  const send = () => client.send({ as: 'client', method: 'POST', path, body: { comment: 'Anybody there?' } });
  const answers = (await Promise.all([send(), send()])).filter((answer) => answer !== null);
  await connection.query('SELECT 1'); // throws if the lock was lost meanwhile, with its connection
  const [answer] = answers.sort((one, other) => one.ms - other.ms);
  if (answer === undefined) return undefined;
  if (answer.status !== 503) breaches.push(`a locked order was answered with ${answer.status} ${answer.body.code}`);
  else if (answer.retryAfter === null) breaches.push('503 came without Retry-After');
  if (answer.ms > BOUNDED_MS) {
    breaches.push(`a locked order was refused after ${answers.map(({ ms }) => Math.round(ms)).join(' and ')} ms only`);
  }
  return answer.status === 503 ? answer.ms : undefined;
}

/** Locks one order for long, and asks for it meanwhile. */
export async function holdLock(scene: Scene): Promise<Outcome> {
  const { stage, random, targeted } = scene;
  const forMs = random.int(10_000, 30_000);
  const connection = await stage.admin.connect();
  let lost: Error | undefined;
  try {
    const id = await lockOne(connection);
    if (id === undefined) return 'missed';
    const begun = performance.now();
    const end = { id, until: Date.now() + forMs };
    targeted.push(end);
    await sleep(random.int(0, 3_000));
    const ms = await askForIt(scene, connection, id);
    await sleep(Math.max(0, forMs - sinceMs(begun)));
    return ms;
  } catch (error) {
    lost = error instanceof Error ? error : new Error(String(error));
    return 'missed'; // PostgreSQL crashed meanwhile, and the lock went with it
  } finally {
    await connection.query('ROLLBACK').catch(() => {});
    connection.release(lost);
  }
}
