import { beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { REASONS } from '../../../src/domain/reasons.ts';
import type { ResolutionCenter } from '../../../src/http/schemas/resolution-center.ts';
import type { Answer } from '../../harness/api/answer.ts';
import { letTimePass } from '../../harness/database.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, OrderReport } from '../../harness/types.ts';

type Center = z.output<typeof ResolutionCenter>;
type OpenAction = Center['open'][number];
type Option = OpenAction | Center['respond'][number];
type Status = OrderReport['status'] | 'mutually_cancelled';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const DAY = 86_400_000;
const LIVE = ['pending_requirements', 'in_progress', 'late', 'in_revision', 'delivered'] as const;

/** How an order stands: its status, what was opened on it, and whether time ran out. */
interface Scene {
  readonly status: Status;
  readonly dispute?: readonly ['order_update' | 'cancellation' | 'order_change', string];
  readonly moment?: 'late' | 'withdrawn';
}

const DISPUTES = [
  ['order_update', CLIENT],
  ['cancellation', CLIENT],
  ['cancellation', FREELANCER],
  ['order_change', FREELANCER],
] as const;

const SCENES: readonly Scene[] = [
  ...[...LIVE, 'completed', 'cancelled', 'mutually_cancelled'].map((status) => ({ status }) as Scene),
  ...DISPUTES.flatMap((dispute): Scene[] => [
    { status: 'in_progress', dispute },
    { status: 'delivered', dispute },
    { status: 'in_progress', dispute, moment: 'late' },
    { status: 'in_progress', dispute, moment: 'withdrawn' },
  ]),
];

interface Ids {
  readonly orderId: string;
  readonly disputeId: string;
}

/** Brings a new order into a scene. */
async function enter({ status, dispute, moment }: Scene): Promise<Ids> {
  const isMutual = status === 'mutually_cancelled';
  const { id: orderId } = await seedOrder(service, { status: isMutual ? 'in_progress' : status });
  const opened = isMutual ? (['cancellation', CLIENT] as const) : dispute;
  if (opened === undefined) return { orderId, disputeId: '' };
  const [type, opener] = opened;
  const { id, respondent } = await seedDispute(service, type, { orderId, opener });
  if (isMutual) await service.as(respondent.id).post(`/v1/disputes/${id}/accept`);
  if (moment === 'withdrawn') await service.as(opener).post(`/v1/disputes/${id}/withdraw`);
  if (moment === 'late') await letTimePass(service.database, id, 4 * DAY);
  return { orderId, disputeId: id };
}

const centerOf = async (sub: string, orderId: string): Promise<Center> =>
  (await service.as(sub).get<Center>(`/v1/orders/${orderId}/resolution-center`)).body;

/** Fills in a form as a page would that knows nothing but what it was told. */
function fill({ fields }: Option, how: 'least' | 'most'): object {
  const comment = 'x'.repeat(how === 'most' ? fields.comment.maxLength : fields.comment.minLength);
  const wantsComment = how === 'most' || fields.comment.presence === 'required';
  if (!('change' in fields)) return wantsComment ? { comment } : {};
  const { reason, change } = fields;
  const option = reason?.options.find(({ requiresComment }) => how === 'most' || !requiresComment);
  const wantsReason = how === 'most' || reason?.presence === 'required';
  return {
    ...(wantsComment && { comment }),
    ...(option !== undefined && wantsReason && { reason: option.code }),
    ...(change !== null && { change: fillChange(change, how) }),
  };
}

function fillChange(
  { deliverBy, extras, minParts }: NonNullable<OpenAction['fields']['change']>,
  how: 'least' | 'most',
) {
  if (deliverBy.after === null) throw new Error('the order has no date');
  const later = new Date(Date.parse(deliverBy.after) + DAY).toISOString();
  const extra = {
    title: 'x'.repeat(extras.titleMinLength),
    price: { amount: extras.priceMin, currency: extras.currency },
  };
  const biggest = {
    title: 'x'.repeat(extras.titleMaxLength),
    price: { amount: extras.priceMax, currency: extras.currency },
  };
  if (how === 'least') return minParts === 1 ? { extras: [extra] } : { deliverBy: later, extras: [extra] };
  return { deliverBy: later, extras: Array.from({ length: extras.maxItems }, () => biggest) };
}

function send(sub: string, option: Option, form: object): Promise<Answer<Dispute>> {
  const { method, href } = option;
  const body = option.action === 'open' ? { type: option.type, ...form } : form;
  return service.as(sub).send<Dispute>(method, href, { 'content-type': 'application/json' }, JSON.stringify(body));
}

const nameOf = (option: Option): string => (option.action === 'open' ? `open ${option.type}` : option.action);

/** Does one thing that the page of a scene shows, in a new copy of that scene. */
async function tryOut(scene: Scene, shownIn: Ids, sub: string, shown: Option, how: 'least' | 'most') {
  const copy = await enter(scene);
  const href = shown.href.replace(shownIn.orderId, copy.orderId).replace(shownIn.disputeId, copy.disputeId);
  const answer = await send(sub, { ...shown, href }, fill(shown, how));
  const reason = answer.code === null ? null : (answer.problem.reason ?? null);
  return { what: nameOf(shown), how, ok: answer.status < 300, code: answer.code, reason };
}

const parties = { client: CLIENT, freelancer: FREELANCER };
const cells = SCENES.flatMap((scene) => Object.entries(parties).map(([role, sub]) => ({ scene, role, sub })));

/** What the page says as a whole. */
function expectSound(center: Center, { dispute, moment }: Scene, role: string): void {
  const isOver = ['completed', 'cancelled', 'mutually_cancelled'].includes(center.order.status);
  expect(center).toMatchObject({ viewer: { role }, available: !isOver });
  expect(center.unavailable?.code ?? null).toBe(isOver ? 'order_not_disputable' : null);
  expect(center.open.map(({ type }) => type)).toEqual(
    role === 'client' ? ['order_update', 'cancellation'] : ['cancellation', 'order_change'],
  );
  const isOpen = dispute !== undefined && moment === undefined;
  expect([center.openDispute !== null, center.respond.length > 0]).toEqual([isOpen, isOpen]);
  const { allowedActions = [], addComment = null } = center.openDispute?.viewer ?? {};
  const listed = [...allowedActions, ...(addComment === null ? [] : [addComment])];
  expect(
    center.respond.filter(({ allowed }) => allowed).map(({ action, href, until }) => [action, href, until]),
  ).toEqual(listed.map(({ action, href, until }) => [action, href, until]));
}

describe('what the resolution center says is what a request gets', () => {
  test.each(cells.map((cell) => [cell.role, JSON.stringify(cell.scene), cell] as const))(
    'the %s, %s',
    async (_role, _scene, { scene, role, sub }) => {
      const ids = await enter(scene);
      const center = await centerOf(sub, ids.orderId);
      expectSound(center, scene, role);
      const tries = [...center.open, ...center.respond].flatMap((shown) =>
        (shown.allowed ? (['least', 'most'] as const) : (['most'] as const)).map(async (how) => {
          const { allowed, blocked } = shown;
          expect(allowed).toBe(blocked === null);
          const said = { ok: allowed, code: blocked?.code ?? null, reason: blocked?.reason ?? null };
          expect(await tryOut(scene, ids, sub, shown, how)).toEqual({ what: nameOf(shown), how, ...said });
        }),
      );
      await Promise.all(tries);
    },
  );
});

describe('a page needs no rules of its own', () => {
  const optionOf = async (sub: string, type: OpenAction['type']) => {
    const { id } = await seedOrder(service);
    const option = (await centerOf(sub, id)).open.find((candidate) => candidate.type === type);
    if (option === undefined) throw new Error(`${type} is not there`);
    return option;
  };

  test.each(REASONS.map((reason) => [reason.role, reason.code, reason] as const))(
    'the %s may give the reason %s, with a comment just where it says so',
    async (role, code, { label, requiresComment }) => {
      const sub = parties[role];
      const option = await optionOf(sub, 'cancellation');
      expect(option.fields.reason?.options).toContainEqual(expect.objectContaining({ code, label, requiresComment }));
      const needsComment = requiresComment || option.fields.comment.presence === 'required';
      const silent = await send(sub, option, { reason: code });
      expect(silent.code).toBe(needsComment ? 'comment_required' : null);
      if (needsComment) expect((await send(sub, option, { reason: code, comment: 'So.' })).status).toBe(201);
    },
  );

  test('the other role’s reasons are not offered', async () => {
    for (const [role, sub] of Object.entries(parties)) {
      const { fields } = await optionOf(sub, 'cancellation');
      expect(fields.reason?.options.map(({ code }) => code)).toEqual(
        REASONS.filter((reason) => reason.role === role).map(({ code }) => code),
      );
    }
  });

  test('its limits are the limits', async () => {
    const option = await optionOf(FREELANCER, 'order_change');
    const { comment, change } = option.fields;
    if (change === null) throw new Error('an order change has no change');
    const { deliverBy, extras } = change;
    const extra = { title: 'Files', price: { amount: 1, currency: extras.currency } };
    const items = (count: number) => Array.from({ length: count }, () => extra);
    const beyond: object[] = [
      { change: {} },
      { change: { deliverBy: deliverBy.after } },
      { change: { extras: items(extras.minItems - 1) } },
      { change: { extras: items(extras.maxItems + 1) } },
      { change: { extras: [{ ...extra, title: 'x'.repeat(extras.titleMaxLength + 1) }] } },
      { change: { extras: [{ ...extra, title: '' }] } },
      { change: { extras: [{ ...extra, price: { amount: extras.priceMin - 1, currency: extras.currency } }] } },
      { change: { extras: [{ ...extra, price: { amount: extras.priceMax + 1, currency: extras.currency } }] } },
      { change: { extras: items(1) }, comment: 'x'.repeat(comment.maxLength + 1) },
      { change: { extras: items(1) }, comment: '' },
    ];
    for (const form of beyond) {
      const { code } = await send(FREELANCER, option, form);
      expect({ form, refused: code === 'validation_failed' || code === 'invalid_change' }).toEqual({
        form,
        refused: true,
      });
    }
    expect((await send(FREELANCER, option, { change: { extras: items(1) } })).status).toBe(201);
    expect(extras.currency).toBe('USD');
    expect(deliverBy.after).toBe('2031-12-01T17:00:00.000Z');
  });

  test('only now limits the date where none is agreed', async () => {
    const { id } = await seedOrder(service, { deliverBy: null });
    const center = await centerOf(FREELANCER, id);
    const change = center.open.find(({ type }) => type === 'order_change')?.fields.change;
    expect(change?.deliverBy.after).toBeNull();
  });

  test('window and expiry are those that the dispute then has, also where they are configured', async () => {
    const other = await startService({ database: service.database, env: { WINDOW_ORDER_CHANGE: 'P2DT90M' } });
    for (const [at, type, sub, window] of [
      [service, 'order_update', CLIENT, 'PT48H'],
      [service, 'cancellation', CLIENT, 'PT48H'],
      [service, 'order_change', FREELANCER, 'PT96H'],
      [other, 'order_change', FREELANCER, 'PT49H30M'],
    ] as const) {
      const { id } = await seedOrder(service);
      const center = (await at.as(sub).get<Center>(`/v1/orders/${id}/resolution-center`)).body;
      const option = center.open.find((candidate) => candidate.type === type);
      const opened = await seedDispute(at, type, { orderId: id, opener: sub });
      expect(option?.window).toBe(window);
      expect(Date.parse(opened.respondBy) - Date.parse(opened.openedAt)).toBe((option?.windowSeconds ?? 0) * 1_000);
      expect(opened.onExpiry).toEqual(option?.onExpiry);
    }
  });
});

test('the resolution center is for the parties: strangers find nothing, services are refused', async () => {
  const path = `/v1/orders/${(await seedOrder(service)).id}/resolution-center`;
  expect(await service.as('user-1').get(path)).toMatchObject({ status: 404, code: 'not_found' });
  expect(await service.withScopes('disputes:read').get(path)).toMatchObject({ status: 403, code: 'forbidden' });
});
