import type { z } from 'zod';
import { beginHoldIn, type Release, readHolds, releaseHold } from '../../application/holds.ts';
import type { WriteDeps } from '../../application/write.ts';
import { LONGEST_BACK_MS } from '../../domain/holds.ts';
import { iso } from '../../http/endpoint/instants.ts';
import { presentHold } from '../../http/present/ops.ts';
import { NewHold } from '../../http/schemas/ops.ts';
import { type Database, withTx } from '../../platform/postgres/database.ts';
import { refused, wrongUsage } from '../failures.ts';

/**
 * Begins a hold in the database itself.
 * @throws CommandFailure if its parts are not valid
 */
export async function beginInDatabase(deps: WriteDeps, body: z.input<typeof NewHold>, createdBy: string) {
  const parsed = NewHold.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrongUsage(`${issue?.path.join('/') ?? 'the hold'}: ${issue?.message ?? 'it is not valid'}`);
  }
  const { type = null, orderIds = null, note, since = null } = parsed.data;
  const begun = await withTx(deps.db, (tx) =>
    beginHoldIn(tx, deps.newId(), { type, orderIds, note, since, createdBy }),
  );
  if (!('sinceFault' in begun)) return presentHold(begun, begun.createdAt);
  const bound =
    begun.sinceFault === 'in_the_future'
      ? `${iso(begun.now)}, which is now, or earlier`
      : `${iso(begun.now - LONGEST_BACK_MS)}, which is seven days ago, or later`;
  throw wrongUsage(`--since must be ${bound}`);
}

/** The last holds, or the last of those that last, newest first. */
export async function listInDatabase(db: Database, limit: number, onlyActive: boolean) {
  const { holds, now } = await readHolds(db, { after: null, limit, orderId: null, onlyActive });
  return holds.map((hold) => presentHold(hold, now));
}

/**
 * Ends a hold and moves its deadlines, as long as any can be moved: there may be no worker to go on with them.
 * @throws CommandFailure if there is no such hold
 */
export async function releaseInDatabase(deps: WriteDeps, id: string, releasedBy: string) {
  let moved = 0;
  for (;;) {
    const release: Release | undefined = await releaseHold(deps, id, releasedBy);
    if (release === undefined) throw refused('there is no such hold');
    moved += release.moved;
    const { hold, complete } = release;
    if (complete || release.moved === 0) {
      return { hold: presentHold(hold, hold.releasedAt ?? hold.since), moved, complete };
    }
  }
}
