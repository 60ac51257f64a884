import type { Database } from '../../platform/postgres/database.ts';
import { type ActiveHold, activeHolds, partiesOf } from '../../store/holds.ts';

/** A hold that began or ended, by what it covers; null where it may cover any order. */
export interface HoldChange {
  readonly orders: { readonly orderIds: readonly string[]; readonly partyIds: readonly string[] } | null;
}

/** Compares the holds that last with those that lasted at the last look. */
export interface HoldWatch {
  /** What has begun or ended since the last look; nothing at the first one. */
  readonly look: () => Promise<readonly HoldChange[]>;
  /** Forgets the last look, so that the next one is the first again. */
  readonly reset: () => void;
}

async function changeOf(db: Database, { orderIds }: ActiveHold): Promise<HoldChange> {
  return { orders: orderIds === null ? null : { orderIds, partyIds: await partiesOf(db, orderIds) } };
}

/** Makes a watch; it asks the database for nothing until it looks. */
export function createHoldWatch(db: Database): HoldWatch {
  let known: readonly ActiveHold[] | null = null;
  return {
    look: async () => {
      const active = await activeHolds(db);
      const before = known ?? active;
      const isIn = (holds: readonly ActiveHold[], id: string) => holds.some((hold) => hold.id === id);
      const begun = active.filter(({ id }) => !isIn(before, id));
      const ended = before.filter(({ id }) => !isIn(active, id));
      const changes = await Promise.all([...begun, ...ended].map((hold) => changeOf(db, hold)));
      known = active;
      return changes;
    },
    reset: () => {
      known = null;
    },
  };
}
