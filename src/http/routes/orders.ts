import { z } from 'zod';
import { partyIdOf } from '../../application/caller.ts';
import { readOrder } from '../../application/read.ts';
import type { CommandRequest, Decided } from '../../application/write.ts';
import { asSeenAt } from '../../domain/transition.ts';
import { carryOut, orderExclusion, orderPrecondition } from '../endpoint/commands.ts';
import { operation } from '../endpoint/endpoint.ts';
import { stored } from '../endpoint/reply.ts';
import { presentOrder } from '../present/disputes.ts';
import { presentEffects } from '../present/effects.ts';
import { inputError } from '../problems/input-errors.ts';
import { invalidInput, problemError } from '../problems/problems.ts';
import { OrderId } from '../schemas/common.ts';
import { DRY_RUN, DryRunQuery, OrderDryRun } from '../schemas/dry-run.ts';
import { Order, OrderReport } from '../schemas/orders.ts';

const OrderParams = z.strictObject({ orderId: OrderId });

/** A reported order as it is afterwards. */
function orderAfter({ decision, now }: Decided) {
  const { order, disputes } = asSeenAt(decision.state, now);
  if (order === null) throw new Error('a report left no order behind');
  return presentOrder(order, disputes, now);
}

const notInLiveMode = () =>
  inputError('/testClockId', 'unknown', {}, 'Leave this out: test clocks are for a sandbox, and this is live.');

const isNew = ({ before }: Decided): boolean => before.order === null;

const reportOrder = operation({
  operationId: 'reportOrder',
  method: 'PUT',
  path: '/v1/orders/{orderId}',
  tag: 'Orders',
  summary: 'Report an order',
  description:
    'The order service says what it knows of an order. The same revision with the same content again changes nothing; ' +
    'an older one is refused. A report may end an open dispute: `completed` and `cancelled` supersede it, and ' +
    '`delivered` answers an `order_update`.',
  access: { scopes: ['orders:write'] },
  params: OrderParams,
  query: DryRunQuery,
  body: OrderReport,
  takesIfMatch: true,
  takesIfNoneMatch: true,
  success: [
    { status: 200, description: 'The order was known and is now as reported.', schema: Order, headers: ['ETag'] },
    { status: 201, description: 'The order is new.', schema: Order, headers: ['Location', 'ETag'] },
    { status: 200, description: DRY_RUN, schema: OrderDryRun, dryRun: true },
    { status: 201, description: DRY_RUN, schema: OrderDryRun, dryRun: true },
  ],
  problems: [
    ...(['stale_revision', 'order_closed', 'parties_immutable', 'order_has_disputes', 'clock_limit_reached'] as const),
    // While the test clock of the order is being deleted.
    'not_found',
  ],
  handle: (call) => {
    const { orderId } = call.params;
    const { title, testClockId = null, ...report } = call.body;
    const { livemode } = call.deps;
    if (livemode && testClockId !== null) throw invalidInput(notInLiveMode());
    const url = `/v1/orders/${orderId}`;
    const precondition = orderPrecondition(call);
    const exclusion = orderExclusion(call);
    const command: CommandRequest['command'] = (_party, clock) =>
      ({
        kind: 'report_order',
        precondition,
        exclusion,
        actor: { role: 'order_service', id: call.caller.id },
        report: { ...report, title: title ?? null, orderId, livemode, testClockId },
        clock,
      }) as const;
    // A report has its revision for a key: what it says is kept for as long as the order.
    return carryOut(
      call,
      { url, target: { orderId }, testClockId, command, key: null },
      {
        success: (decided) => {
          const body = orderAfter(decided);
          const { etag } = body;
          return stored(
            isNew(decided) ? call.reply(201, body, { location: url, etag }) : call.reply(200, body, { etag }),
          );
        },
        dryRun: (decided) => {
          const body = { dryRun: true, order: orderAfter(decided), effects: presentEffects(decided) } as const;
          return stored(isNew(decided) ? call.reply(201, body) : call.reply(200, body));
        },
      },
    );
  },
});

const getOrder = operation({
  operationId: 'getOrder',
  method: 'GET',
  path: '/v1/orders/{orderId}',
  tag: 'Orders',
  summary: 'Read an order',
  description: 'The order with its open dispute, or with how it was cancelled.',
  access: { party: true, scopes: ['disputes:read'] },
  forOperatorsToo: true,
  params: OrderParams,
  success: [{ status: 200, description: 'The order.', schema: Order, headers: ['ETag'] }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params, reply }) => {
    const found = await readOrder(deps.write, { orderId: params.orderId }, partyIdOf(caller));
    if (found === undefined) throw problemError('not_found', 'There is no such order, or it is not yours.');
    const body = presentOrder(found.order, found.disputes, found.now);
    return reply(200, body, { etag: body.etag });
  },
});

export const orderRoutes = [reportOrder, getOrder];
