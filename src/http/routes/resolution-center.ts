import { z } from 'zod';
import { readCenter } from '../../application/read.ts';
import { roleIn } from '../../domain/state.ts';
import { operation } from '../endpoint/endpoint.ts';
import { presentResolutionCenter } from '../present/resolution-center.ts';
import { problemError } from '../problems/problems.ts';
import { OrderId } from '../schemas/common.ts';
import { TIMELINE_PAGE } from '../schemas/disputes.ts';
import { ResolutionCenter } from '../schemas/resolution-center.ts';

const getResolutionCenter = operation({
  operationId: 'getResolutionCenter',
  method: 'GET',
  path: '/v1/orders/{orderId}/resolution-center',
  tag: 'Orders',
  summary: "Read an order's resolution center",
  description:
    'What an order page needs, in one call: whether anything can be done, every action of your role as allowed (with its ' +
    'fields, window and what silence does) or blocked (with a code), the open dispute as you see it, the one that was ' +
    'resolved last, and the first page of a timeline.',
  access: { party: true },
  params: z.strictObject({ orderId: OrderId }),
  success: [
    { status: 200, description: 'The resolution center of the order.', schema: ResolutionCenter, headers: ['ETag'] },
  ],
  problems: ['not_found'],
  hasTexts: true,
  handle: async ({ deps, caller, params: { orderId }, locale, reply }) => {
    const found = await readCenter(deps.write, orderId, caller.id, TIMELINE_PAGE);
    const role = found === undefined ? null : roleIn(found.order, caller.id);
    if (found === undefined || role === null)
      throw problemError('not_found', 'There is no such order, or it is not yours.');
    const { order, now, lastDispute, timeline } = found;
    const { windowsMs, cooldownMs } = deps;
    const body = presentResolutionCenter({
      order,
      state: found,
      role,
      now,
      locale,
      windowsMs,
      cooldownMs,
      lastDispute,
      timeline,
    });
    return reply(200, body, { etag: body.etag });
  },
});

export const resolutionCenterRoutes = [getResolutionCenter];
