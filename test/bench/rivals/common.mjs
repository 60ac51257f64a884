// The same transition that the service makes, for one deadline: whoever takes a job calls it.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { SERVICE, DATABASE_URL, CONCURRENCY } = process.env;
const part = (path) => import(pathToFileURL(`${SERVICE}/rivals/${path}`).href);
const { openDatabase } = await part('platform/postgres/database.js');
const { applyDueDeadlines } = await part('application/apply-due.js');
const { v7: newId } = createRequire(`${SERVICE}/package.json`)('uuid');

export const concurrency = Number(CONCURRENCY);
export const db = openDatabase({
  url: DATABASE_URL,
  poolSize: concurrency,
  applicationName: 'rival',
  onError: (error) => console.error(error.message),
});
const deps = { db, newId, onCommitted: () => {} };

export const settleOne = (disputeId) => applyDueDeadlines(deps, [disputeId], { trigger: 'job', busy: 'wait' });

/** All open disputes with their deadlines, in milliseconds. */
export async function deadlines() {
  const { rows } = await db.pool.query(
    `SELECT id, (extract(epoch from respond_by) * 1000)::float8 AS due FROM disputes WHERE status = 'open'`,
  );
  return rows;
}

export function* chunksOf(all, size) {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size);
}

export const ready = () => process.send('ready');
