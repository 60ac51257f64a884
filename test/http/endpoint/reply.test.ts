import { expect, test } from 'vitest';
import type { z } from 'zod';
import type { Instant } from '../../../src/domain/state.ts';
import { operation } from '../../../src/http/endpoint/endpoint.ts';
import { makeReply, type ReplyMaker, stored } from '../../../src/http/endpoint/reply.ts';
import { presentHold } from '../../../src/http/present/ops.ts';
import { Hold } from '../../../src/http/schemas/ops.ts';

// What is marked here must not compile: `npm run typecheck` fails where one of the marked lines does. The tests only run it.

type Row = Parameters<typeof presentHold>[0];
const row: Row = {
  ...{ id: '01a207d9-2100-7c1e-9b52-4f0e8a6d2c11', type: null, orderIds: null, note: 'Down.', createdBy: 'ops' },
  ...{ since: 0, createdAt: 0, releasedBy: null, releasedAt: null, finishedAt: null },
};

const success = [
  { status: 200, description: 'As it is.', schema: Hold },
  { status: 201, description: 'New.', schema: Hold, headers: ['Location'] },
] as const;
const reply: ReplyMaker<(typeof success)[number]> = makeReply;

const withMore = (hold: Row, now: Instant) => ({ ...presentHold(hold, now), more: true });
const withMoreInside = (hold: Row) => ({ ...presentHold(hold, 0), orderIds: [{ id: 'order-1' }] });
const withLess = (hold: Row, now: Instant) => {
  const { note: _, ...rest } = presentHold(hold, now);
  return rest;
};
const withAnotherType = (hold: Row, now: Instant) => ({ ...presentHold(hold, now), heldSeconds: '1' });
const withAnyText = (hold: Row, now: Instant) => ({ ...presentHold(hold, now), status: String(hold.note) });

test('a reply has a status, a body and headers that its endpoint documents, or does not compile', () => {
  const good = [reply(200, presentHold(row, 0)), reply(201, presentHold(row, 0), { location: '/v1/ops/holds/1' })];
  const bad = [
    // @ts-expect-error a status that is not documented
    reply(299, presentHold(row, 0)),
    // @ts-expect-error a body that has nothing to do with the schema
    reply(200, { anything: true }),
    // @ts-expect-error the header Location is missing
    reply(201, presentHold(row, 0)),
  ];
  expect([...good, ...bad].map(({ status }) => status)).toEqual([200, 201, 299, 200, 201]);
});

test('a presenter that differs from its schema does not compile', () => {
  const bad = [
    // @ts-expect-error a member that the schema does not know
    reply(200, withMore(row, 0)),
    // @ts-expect-error the same, further inside
    reply(200, withMoreInside(row)),
    // @ts-expect-error a member of the schema is missing
    reply(200, withLess(row, 0)),
    // @ts-expect-error a member of another type
    reply(200, withAnotherType(row, 0)),
    // @ts-expect-error any text, where the schema has a few
    reply(200, withAnyText(row, 0)),
  ];
  expect(bad.every(({ body }) => !Hold.safeParse(body).success)).toBe(true);
});

test('an endpoint takes no reply that was not made for it', () => {
  const common = { method: 'GET', path: '/', tag: 'Reference', summary: '', description: '', problems: [] } as const;
  const other: ReplyMaker<{ status: 200; description: string; schema: z.ZodString }> = makeReply;
  const endpoints = [
    operation({
      ...common,
      operationId: 'good',
      access: {},
      success,
      handle: async (call) => call.reply(200, presentHold(row, 0)),
    }),
    // @ts-expect-error an object that looks like a reply
    operation({ ...common, operationId: 'bad', access: {}, success, handle: async () => ({ status: 200, body: {} }) }),
    // @ts-expect-error the reply of another endpoint
    operation({ ...common, operationId: 'other', access: {}, success, handle: async () => other(200, 'text') }),
  ];
  expect(endpoints.map(({ operationId }) => operationId)).toEqual(['good', 'bad', 'other']);
  const kept = stored(reply(200, presentHold(row, 0)));
  expect(JSON.parse(kept.body)).toEqual(presentHold(row, 0));
});
