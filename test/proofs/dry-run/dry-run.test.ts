import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { Scope } from '../../../src/application/caller.ts';
import {
  DISPUTE_ACTIONS,
  DISPUTE_TYPES,
  type DisputeAction,
  type DisputeType,
  ROLES,
  type Role,
} from '../../../src/domain/rules.ts';
import { REPORTED_STATUSES, type ReportedStatus } from '../../../src/domain/state.ts';
import { letTimePass } from '../../harness/database.ts';
import { anOrderReport, CLIENT, FREELANCER, newOrderId } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

/** How many commands are tried; `DRY_RUNS=10000 npm test -- test/proofs/dry-run` tries more. */
const COMMANDS = Number(process.env['DRY_RUNS'] ?? 240);
const PER_HISTORY = 24;
const STRANGER = 'user-5';
const DAY_MS = 86_400_000;

type Ask =
  | {
      readonly what: 'open';
      readonly type: DisputeType;
      readonly by: Role;
      readonly withComment: boolean;
      readonly days: number;
    }
  | {
      readonly what: DisputeAction;
      readonly by: Role | 'stranger';
      readonly withComment: boolean;
      readonly isStale: boolean;
    }
  | { readonly what: 'seen' | 'notified'; readonly by: Role }
  | {
      readonly what: 'report';
      readonly status: ReportedStatus;
      readonly step: number;
      readonly currency: 'USD' | 'JPY';
    };

const by = fc.constantFrom(...ROLES);
const ask: fc.Arbitrary<Ask> = fc.oneof(
  fc.record({
    what: fc.constant('open' as const),
    type: fc.constantFrom(...DISPUTE_TYPES),
    by,
    withComment: fc.boolean(),
    days: fc.integer({ min: -1, max: 3 }),
  }),
  fc.record({
    what: fc.constantFrom(...DISPUTE_ACTIONS),
    by: fc.oneof({ arbitrary: by, weight: 9 }, { arbitrary: fc.constant('stranger' as const), weight: 1 }),
    withComment: fc.boolean(),
    isStale: fc.oneof({ arbitrary: fc.constant(false), weight: 9 }, { arbitrary: fc.constant(true), weight: 1 }),
  }),
  fc.record({ what: fc.constantFrom('seen' as const, 'notified' as const), by }),
  fc.record({
    what: fc.constant('report' as const),
    status: fc.constantFrom<ReportedStatus>(
      ...REPORTED_STATUSES.slice(0, 5),
      ...REPORTED_STATUSES.slice(0, 5),
      'completed',
    ),
    step: fc.integer({ min: -1, max: 1 }),
    currency: fc.constantFrom('USD' as const, 'USD' as const, 'JPY' as const),
  }),
);
const turn = fc.record({
  ask,
  timePasses: fc.oneof({ arbitrary: fc.constant(false), weight: 9 }, { arbitrary: fc.constant(true), weight: 1 }),
});

let service: Service;

beforeAll(async () => {
  service = await startService();
});

interface Sent {
  readonly method: 'put' | 'post';
  readonly path: string;
  readonly body: unknown;
  /** A user, or a service with a scope. */
  readonly caller: { readonly sub: string } | { readonly scope: Scope };
  readonly headers: Readonly<Record<string, string>>;
}

interface History {
  readonly orderId: string;
  /** The last dispute that was opened. */
  disputeId: string | null;
  revision: number;
}

const idOf = (role: Role | 'stranger'): string =>
  role === 'client' ? CLIENT : role === 'freelancer' ? FREELANCER : STRANGER;

function changeOf(days: number) {
  const deliverBy = new Date(Date.parse('2031-12-01T17:00:00.000Z') + days * DAY_MS).toISOString();
  return { deliverBy, extras: [{ title: 'Source files', price: { amount: 1_500, currency: 'USD' } }] };
}

function noticeOf({ what, by }: Extract<Ask, { what: 'seen' | 'notified' }>, disputeId: string): Sent {
  const request = { method: 'post', headers: {} } as const;
  if (what === 'seen')
    return { ...request, path: `/v1/disputes/${disputeId}/seen`, body: {}, caller: { sub: idOf(by) } };
  const body = { role: by, channel: 'email', deliveredAt: new Date().toISOString() };
  return { ...request, path: `/v1/disputes/${disputeId}/notices`, body, caller: { scope: 'notices:write' } };
}

function requestOf(one: Ask, { orderId, disputeId, revision }: History): Sent | null {
  const comment = { comment: 'A word.' };
  if (one.what === 'report') {
    const price = { amount: 15_000, currency: one.currency };
    const body = anOrderReport({ status: one.status, price, revision: Math.max(0, revision + one.step) });
    const caller = { scope: 'orders:write' } as const;
    return { method: 'put', path: `/v1/orders/${orderId}`, body, caller, headers: {} };
  }
  if (one.what === 'open') {
    const body = {
      type: one.type,
      ...(one.withComment && comment),
      ...(one.type === 'cancellation' && one.by === 'freelancer' && { reason: 'unable_to_complete' }),
      ...(one.type === 'order_change' && { change: changeOf(one.days) }),
    };
    return { method: 'post', path: `/v1/orders/${orderId}/disputes`, body, caller: { sub: idOf(one.by) }, headers: {} };
  }
  if (disputeId === null) return null;
  if (!('withComment' in one)) return noticeOf(one, disputeId);
  const action = one.what === 'add_comment' ? 'comments' : one.what.replaceAll('_', '-');
  const body = one.withComment || one.what === 'add_comment' ? comment : {};
  const headers = one.isStale ? { 'if-match': '"0000000000000000.0000000000000000"' } : {};
  return { method: 'post', path: `/v1/disputes/${disputeId}/${action}`, body, caller: { sub: idOf(one.by) }, headers };
}

interface Body {
  readonly [member: string]: unknown;
  readonly id?: string;
  readonly dryRun?: boolean;
  readonly status?: string;
  readonly respondBy?: string;
  readonly deliverBy?: string | null;
  readonly effects?: {
    readonly order: {
      readonly status: { from: string | null; to: string };
      readonly deliverBy?: { to: string | null };
    };
    readonly deadline: { readonly set?: string; readonly cleared?: string; readonly kept?: string } | null;
    readonly events: readonly string[];
  };
}

const send = async ({ method, path, body, caller, headers }: Sent, suffix: string) => {
  const client = 'scope' in caller ? service.withScopes(caller.scope) : service.as(caller.sub);
  return await client[method]<Body>(`${path}${suffix}`, body, headers);
};

/** A digest of every row that a command about an order could write, by where it lies and who wrote it. */
async function rowsOf(orderId: string): Promise<string> {
  const [row] = await service.database.query<{ digest: string }>(
    `SELECT md5(string_agg(place, ' ' ORDER BY place)) AS digest FROM (
       SELECT 'o' || xmin || ctid AS place FROM orders WHERE id = $1
       UNION ALL SELECT 'd' || xmin || ctid FROM disputes WHERE order_id = $1
       UNION ALL SELECT 'l' || xmin || ctid FROM log_entries WHERE order_id = $1
       UNION ALL SELECT 't' || t.xmin || t.ctid FROM timers t JOIN disputes d ON d.id = t.dispute_id WHERE d.order_id = $1
       UNION ALL SELECT 'k' || count(*) FROM idempotency_keys) AS rows`,
    [orderId],
  );
  return row?.digest ?? '';
}

const orderNow = async (orderId: string) =>
  (await service.withScopes('disputes:read').get<Body>(`/v1/orders/${orderId}`)).body;
const eventsSince = async (orderId: string, version: number) =>
  await service.database.query<{ type: string; actor_role: string; cause: string }>(
    'SELECT type, actor_role, cause FROM log_entries WHERE order_id = $1 AND order_version > $2 ORDER BY order_version',
    [orderId, version],
  );
const versionOf = async (orderId: string): Promise<number> =>
  (await service.database.query<{ version: number }>('SELECT version FROM orders WHERE id = $1', [orderId]))[0]
    ?.version ?? 0;

/** One command, dry and then real; returns the code or `done`. */
async function compare(history: History, one: Ask, key: string): Promise<string> {
  const request = requestOf(one, history);
  if (request === null) return 'none';
  const { orderId } = history;
  const before = await rowsOf(orderId);
  const dry = await send({ ...request, headers: { ...request.headers, 'idempotency-key': key } }, '?dryRun=true');
  expect(await rowsOf(orderId)).toBe(before);
  const version = await versionOf(orderId);
  const real = await send({ ...request, headers: { ...request.headers, 'idempotency-key': key } }, '');
  expect([dry.status, dry.code]).toEqual([real.status, real.code]);
  expect(real.headers['idempotency-replayed']).toBeUndefined();
  if (real.code !== null) return real.code;
  const { effects } = dry.body;
  expect(dry.body.dryRun).toBe(true);
  const commanded = (await eventsSince(orderId, version)).filter(({ cause }) => cause !== 'deadline');
  expect(effects?.events).toEqual(commanded.map(({ type }) => type));
  const order = await orderNow(orderId);
  expect(effects?.order.status.to).toBe(order.status);
  if (effects?.order.deliverBy !== undefined) expect(effects.order.deliverBy.to).toBe(order.deliverBy);
  const open = order['openDispute'] as { id: string; respondBy: string } | null;
  const { set, kept, cleared } = effects?.deadline ?? {};
  expect([set ?? kept ?? null, cleared ?? null].some((one) => one !== null)).toBe(effects?.deadline !== null);
  if (open === null) expect([set, kept]).toEqual([undefined, undefined]);
  else if (kept !== undefined) expect(kept).toBe(open.respondBy);
  // Both count the window from their own moment.
  else expect(Math.abs(Date.parse(set ?? '') - Date.parse(open.respondBy))).toBeLessThan(60_000);
  if (one.what === 'open') history.disputeId = real.body.id ?? null;
  if (one.what === 'report') history.revision = Math.max(history.revision, history.revision + one.step);
  return 'done';
}

test(`a dry run answers what the command answers that comes next, and writes nothing: ${COMMANDS} random commands`, async () => {
  const outcomes = new Map<string, number>();
  let tried = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: PER_HISTORY, maxLength: PER_HISTORY }), async (turns) => {
      const orderId = newOrderId();
      const history: History = { orderId, disputeId: null, revision: 0 };
      await compare(history, { what: 'report', status: 'in_progress', step: 1, currency: 'USD' }, `${orderId}-0`);
      for (const [index, { ask: one, timePasses }] of turns.entries()) {
        if (timePasses && history.disputeId !== null)
          await letTimePass(service.database, history.disputeId, 5 * DAY_MS);
        const outcome = await compare(history, one, `${orderId}-${index + 1}`);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        tried += 1;
      }
    }),
    { numRuns: Math.ceil(COMMANDS / PER_HISTORY), endOnFailure: true },
  );
  expect(tried).toBeGreaterThanOrEqual(COMMANDS);
  expect(outcomes.get('done')).toBeGreaterThan(tried / 10);
}, 3_600_000);
