import { ATTRIBUTIONS, type Attribution, findReason, REASONS } from '../domain/reasons.ts';
import { DISPUTE_TYPES, type DisputeType, RESOLUTIONS, type Resolution, type Role } from '../domain/rules.ts';
import { countOf, nearestRanks, type Packed } from './ranks.ts';

/** By what disputes may be grouped. */
export const GROUPINGS = ['type', 'reason', 'resolution', 'attribution'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** How many disputes are alike in all that is counted, and how long their respondents took, those that answered. */
export interface Cell {
  readonly type: DisputeType;
  readonly openerRole: Role;
  readonly reason: string | null;
  /** Null while they are open. */
  readonly resolution: Resolution | null;
  readonly disputes: number;
  /** Milliseconds from the opening to the answer. */
  readonly responses: Packed;
}

/** Percentiles in milliseconds, by nearest rank; null without an answer. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

export interface Figures extends Readonly<Record<Resolution, number>> {
  readonly opened: number;
  readonly open: number;
  /** Answers by the respondent: what the percentiles are of. A delivery that answers a request is none. */
  readonly responses: number;
  readonly responseMs: Percentiles;
  /** Which part of those that are resolved ended by silence; null where none is. */
  readonly silenceShare: number | null;
}

export interface Group extends Figures {
  /** Null for disputes that have none: no reason, or no resolution yet. */
  readonly key: string | null;
  /** Whose reason it is: a code may be in the catalogue once for each role. Null where groups are not by reason. */
  readonly role: Role | null;
}

export interface Statistics {
  readonly groups: readonly Group[];
  readonly total: Figures;
}

type Place = Pick<Group, 'key' | 'role'>;

function attributionOf({ openerRole, reason }: Cell): Attribution | null {
  return reason === null ? null : (findReason(openerRole, reason)?.attribution ?? null);
}

function placeOf(cell: Cell, groupBy: Grouping): Place {
  switch (groupBy) {
    case 'type':
      return { key: cell.type, role: null };
    case 'resolution':
      return { key: cell.resolution, role: null };
    case 'attribution':
      return { key: attributionOf(cell), role: null };
    case 'reason':
      return { key: cell.reason, role: cell.reason === null ? null : cell.openerRole };
    default:
      return groupBy satisfies never;
  }
}

const withoutRole = (keys: readonly string[]): Place[] => keys.map((key) => ({ key, role: null }));

/** The order in which groups are shown: that of the rules and the catalogue; what is in neither comes last. */
const ORDER: Readonly<Record<Grouping, readonly Place[]>> = {
  type: withoutRole(DISPUTE_TYPES),
  reason: REASONS.map(({ code, role }) => ({ key: code, role })),
  resolution: withoutRole(RESOLUTIONS),
  attribution: withoutRole(ATTRIBUTIONS),
};

const nameOf = ({ key, role }: Place): string => `${role ?? ''} ${key ?? ''}`;

function disputesIn(cells: readonly Cell[]): number {
  return cells.reduce((sum, { disputes }) => sum + disputes, 0);
}

function figuresOf(cells: readonly Cell[]): Figures {
  const counts = Object.fromEntries(
    RESOLUTIONS.map((resolution) => [resolution, disputesIn(cells.filter((cell) => cell.resolution === resolution))]),
  ) as Record<Resolution, number>;
  const opened = disputesIn(cells);
  const open = disputesIn(cells.filter(({ resolution }) => resolution === null));
  const responses = cells.map((cell) => cell.responses);
  const [p50 = null, p90 = null, p99 = null] = nearestRanks(responses, [50, 90, 99]);
  return {
    ...counts,
    opened,
    open,
    responses: countOf(responses),
    responseMs: { p50, p90, p99 },
    silenceShare: opened === open ? null : counts.expired / (opened - open),
  };
}

/**
 * Puts cells together into groups, in the order of the catalogue; groups without disputes are left out.
 * @param pause is waited for before each group and before the total: percentiles of millions take their time, and others
 *   may have something to do in between
 */
export async function summarize(
  cells: readonly Cell[],
  groupBy: Grouping,
  pause: () => Promise<unknown>,
): Promise<Statistics> {
  const found = [...ORDER[groupBy], ...cells.map((cell) => placeOf(cell, groupBy))];
  const groups: Group[] = [];
  for (const [name, place] of new Map(found.map((place) => [nameOf(place), place]))) {
    const own = cells.filter((cell) => nameOf(placeOf(cell, groupBy)) === name);
    if (disputesIn(own) === 0) continue;
    await pause();
    groups.push({ ...place, ...figuresOf(own) });
  }
  await pause();
  return { groups, total: figuresOf(cells) };
}
