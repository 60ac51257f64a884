import { describe, expect, test } from 'vitest';
import type { Role } from '../../../src/domain/rules.ts';
import { loggedDispute, loggedOrder, type Order, type SeenDispute } from '../../../src/domain/state.ts';
import {
  disputeState,
  orderState,
  presentDispute,
  presentEventDispute,
  presentEventOrder,
  presentOrder,
} from '../../../src/http/present/disputes.ts';
import { presentResolutionCenter } from '../../../src/http/present/resolution-center.ts';
import { disputeOf, ended, HOUR, opened, orderOf, T0, WINDOW } from '../../domain/builders.ts';

/** What a representation is made from. */
interface Source {
  readonly order: Order;
  readonly dispute: SeenDispute;
  readonly role: Role;
  readonly now: number;
}

type Json = Readonly<Record<string, unknown>>;

const state = opened('order_change', 'freelancer');
const closed = ended('cancellation', 'client', 'accepted');
const SOURCES: readonly Source[] = [
  { order: orderOf(state), dispute: { ...disputeOf(state), heldSince: null }, role: 'client', now: T0 + HOUR },
  { order: orderOf(state), dispute: { ...disputeOf(state), heldSince: T0 }, role: 'client', now: T0 + HOUR },
  {
    order: orderOf(closed),
    dispute: { ...disputeOf(closed), heldSince: null },
    role: 'freelancer',
    now: T0 + 2 * HOUR,
  },
];

const VIEWS: readonly (readonly [string, (source: Source) => Json])[] = [
  ['a dispute, for a party', ({ dispute, order, role, now }) => presentDispute(dispute, order, role, now)],
  ['a dispute, for a service', ({ dispute, order, now }) => presentDispute(dispute, order, null, now)],
  ['an order', ({ order, dispute, now }) => presentOrder(order, [dispute], now)],
  [
    'a resolution center',
    ({ order, dispute, role, now }) =>
      presentResolutionCenter({
        order,
        role,
        now,
        locale: 'en',
        state: { order, disputes: [dispute], holds: [] },
        windowsMs: WINDOW,
        cooldownMs: 0,
        lastDispute: dispute,
        timeline: null,
      }),
  ],
];

function otherValue(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return value + 1_000;
    case 'string':
      return `${value}x`;
    default:
      return value === null ? null : undefined;
  }
}

/** Copies of a value in each of which one leaf is another. */
function* variantsOf<T>(value: T, path = ''): Generator<readonly [string, T]> {
  if (typeof value !== 'object' || value === null) {
    const other = otherValue(value);
    if (other !== undefined && other !== value) yield [path, other as T];
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    for (const [place, variant] of variantsOf(inner, `${path}/${key}`)) {
      yield [
        place,
        (Array.isArray(value) ? Object.assign([...value], { [key]: variant }) : { ...value, [key]: variant }) as T,
      ];
    }
  }
}

/** Variants that the rules know; `purpose` of an unknown type, say, cannot be shown. */
const isShowable = ([path]: readonly [string, Source]) => !/\/(type|role)$/.test(path) || path === '/role';

const withoutTag = ({ etag: _, serverTime: __, ...rest }: Json): string =>
  JSON.stringify(rest, (key, value) => (key === 'serverTime' ? undefined : value));

describe.each(VIEWS)('the entity tag of %s', (_what, view) => {
  test.each(SOURCES)('changes whenever anything but serverTime does (as the $role)', (source) => {
    const before = view(source);
    let changes = 0;
    for (const [path, variant] of [...variantsOf(source)].filter(isShowable)) {
      const after = view(
        path === '/role' ? { ...source, role: source.role === 'client' ? 'freelancer' : 'client' } : variant,
      );
      const isOther = withoutTag(after) !== withoutTag(before);
      if (isOther) changes += 1;
      if (isOther) expect([path, after['etag']]).not.toEqual([path, before['etag']]);
    }
    expect(changes).toBeGreaterThan(9);
  });

  test.each(SOURCES)('stays while only time passes (as the $role)', (source) => {
    expect(view({ ...source, now: source.now + 1 })['etag']).toBe(view(source)['etag']);
  });
});

test('a tag names a state that is the same for every reader, and that events name, too', () => {
  for (const { dispute, order, now } of SOURCES) {
    const own = `"${disputeState(dispute, order)}`;
    const tags = (['client', 'freelancer', null] as const).map(
      (role) => presentDispute(dispute, order, role, now).etag,
    );
    expect(new Set(tags).size).toBe(3);
    for (const tag of tags) expect(tag.startsWith(`${own}.`)).toBe(true);
    expect(presentEventDispute(loggedDispute(dispute), order).etag).toBe(`${own}"`);
    expect(presentEventOrder(loggedOrder(order)).etag).toBe(`"${orderState(order)}"`);
    expect(presentOrder(order, [dispute], now).etag.startsWith(`"${orderState(order)}.`)).toBe(true);
  }
});
