import type { Scene } from '../scene.ts';

/** How late one deadline took effect. */
export interface Late {
  readonly ms: number;
  readonly dueAt: number;
  readonly disputeId: string;
  /** Whether a hold for it lasted meanwhile, begun when it was due already. */
  readonly sawHold: boolean;
  /** Whether a hold has kept it while it was open. */
  readonly wasHeld: boolean;
  /** Whether a fault was aimed at it. */
  readonly isTarget: boolean;
}

interface Row {
  readonly id: string;
  readonly due: number;
  readonly at: number;
  readonly sawHold: boolean;
  readonly wasHeld: boolean;
}

type Circumstances = Pick<Scene, 'stage' | 'outages' | 'targeted'>;

/**
 * How late each deadline took effect, from `respondBy` to the instant in the log. While PostgreSQL itself was away nothing
 * could take effect, and where a fault was aimed at a dispute this one could not: there it counts from the end of that.
 */
export async function measureLateness({ stage, outages, targeted }: Circumstances): Promise<Late[]> {
  const { rows } = await stage.admin.query<Row>(
    `SELECT d.id::text, (extract(epoch from d.respond_by) * 1000)::float8 AS due,
       (extract(epoch from l.occurred_at) * 1000)::float8 AS at,
       coalesce(h.last > d.respond_by, false) AS "sawHold", h.last IS NOT NULL AS "wasHeld"
     FROM disputes d JOIN log_entries l ON l.dispute_id = d.id AND l.type = 'dispute.expired'
     CROSS JOIN LATERAL (SELECT max(h.released_at) AS last FROM holds h
       WHERE h.created_at < l.occurred_at AND h.released_at > d.opened_at
         AND (h.type IS NULL OR h.type = d.type) AND (h.order_ids IS NULL OR d.order_id = ANY (h.order_ids))) AS h`,
  );
  const until = new Map(targeted.map((target) => [target.id, target.until]));
  return rows.map(({ id, due, at, sawHold, wasHeld }) => {
    const outage = outages.findLast((candidate) => candidate.from <= at && candidate.until >= due);
    const from = Math.max(due, outage?.until ?? 0, until.get(id) ?? 0);
    return { disputeId: id, sawHold, wasHeld, isTarget: until.has(id), dueAt: due, ms: Math.max(0, at - from) };
  });
}

/** The value below which a part of sorted numbers lies. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

export interface Figures {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function figuresOf(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b);
  return { count: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) ?? 0 };
}
