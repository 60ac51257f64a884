import type { Command } from 'commander';
import type { z } from 'zod';
import type { Dispute as DisputeSchema } from '../../http/schemas/disputes.ts';
import type { DisputePage } from '../../http/schemas/lists.ts';
import type { HoldList } from '../../http/schemas/ops.ts';
import type { Order as OrderSchema } from '../../http/schemas/orders.ts';
import type { DeliveryPage } from '../../webhooks/http/schemas.ts';
import { open, type RemoteOptions, remote } from '../access.ts';
import type { Api } from '../api.ts';
import { isUuid, orderOrDispute, wholeNumber } from '../arguments.ts';
import { CommandFailure } from '../failures.ts';
import { scopeOf } from '../holds/hold-commands.ts';
import { facts, type Io, show, table } from '../output.ts';
import { pages } from '../pages.ts';
import { outcomeOf } from '../webhook-commands.ts';
import { type DisputeDetail, describeDetail, named, readDetail } from './dispute-commands.ts';

type Order = z.output<typeof OrderSchema>;
type Dispute = z.output<typeof DisputeSchema>;

const MOST_DISPUTES = 500;
const MOST_HOLDS = 1_000;
const MOST_DELIVERIES = 1_000;

/** Everything that is known of an order, without what people wrote. */
interface Known {
  readonly order: Order;
  /** The newest first. */
  readonly disputes: readonly DisputeDetail[];
  readonly deliveries: z.output<typeof DeliveryPage>['data'];
  readonly holds: z.output<typeof HoldList>['data'];
}

/**
 * The order that an id stands for: its own, or that of a dispute.
 * @throws CommandFailure where there is neither
 */
async function findOrder(api: Api, id: string): Promise<Order> {
  const order = await api.find<Order>(`/v1/orders/${id}`);
  if (!(order instanceof CommandFailure)) return order;
  const dispute = isUuid(id) ? await api.find<Dispute>(`/v1/disputes/${id}`) : order;
  if (dispute instanceof CommandFailure) throw order;
  return await api.get<Order>(`/v1/orders/${dispute.orderId}`);
}

async function readKnown(io: Io, api: Api, id: string, limit: number): Promise<Known> {
  // The order first: looking at it applies a deadline that has passed, which all else then tells of.
  const order = await findOrder(api, id);
  const list = { what: 'disputes', path: `/v1/orders/${order.id}/disputes`, limit };
  const listed = (await pages<z.output<typeof DisputePage>>(io, api, list)).data;
  const disputes: DisputeDetail[] = [];
  for (const dispute of listed) disputes.push(await readDetail(io, api, dispute.id));
  const deliveries = { what: 'deliveries', path: `/v1/ops/orders/${order.id}/deliveries`, limit: MOST_DELIVERIES };
  const holds = { what: 'holds', path: '/v1/ops/holds', limit: MOST_HOLDS, query: { orderId: order.id } };
  return {
    order,
    disputes,
    deliveries: (await pages<z.output<typeof DeliveryPage>>(io, api, deliveries)).data,
    holds: (await pages<z.output<typeof HoldList>>(io, api, holds)).data,
  };
}

/** Why an order is cancelled; null where it is not. */
function whyCancelled({ order, disputes }: Known): string | null {
  if (order.status === 'cancelled') return 'the order service reported it';
  const { cancellation } = order;
  if (cancellation === null) return null;
  const { disputeId, requestedBy, resolution } = cancellation;
  const reason = cancellation.reason === null ? '' : ` (${cancellation.reason})`;
  const request = `the ${requestedBy}'s request ${disputeId}${reason}`;
  const dispute = disputes.find((one) => one.dispute.id === disputeId)?.dispute;
  const respondent = dispute === undefined ? 'the other party' : named(dispute.respondent);
  if (resolution === 'accepted') return `${respondent} accepted ${request}`;
  const until = dispute === undefined ? '' : ` until ${dispute.respondBy}`;
  return `${respondent} did not answer ${request}${until}`;
}

const DELIVERIES = ['EVENT', 'ENDPOINT', 'STATUS', 'CREATED', 'FINISHED', 'ATTEMPTS', 'LAST', 'DELIVERY'];
const HOLDS = ['HOLD', 'OF', 'STATUS', 'SINCE', 'RELEASED', 'NOTE'];

function describe(known: Known): string {
  const { order, disputes, deliveries, holds } = known;
  const summary = facts([
    ['order', order.id],
    ['status', order.status],
    ['client', order.clientId],
    ['freelancer', order.freelancerId],
    ['cancelled at', order.cancellation?.cancelledAt],
    ['cancelled because', whyCancelled(known)],
    ['open dispute', order.openDispute?.id],
    ['revision', order.revision],
  ]);
  const sent = deliveries.map((one) => [
    ...[one.type, one.endpointId, one.status, one.createdAt, one.finishedAt],
    ...[one.attempts.length, outcomeOf(one), one.id],
  ]);
  const held = holds.map((one) => [one.id, scopeOf(one), one.status, one.since, one.releasedAt, one.note]);
  return [
    summary,
    ...disputes.map(describeDetail),
    `webhook deliveries, newest event first\n${table(DELIVERIES, sent)}`,
    `holds that covered a dispute of the order\n${table(HOLDS, held)}`,
  ].join('\n');
}

interface ShowOptions extends RemoteOptions {
  readonly limit: number;
}

/** Adds `order show`. */
export function addOrderCommands(program: Command, io: Io): void {
  const order = program.command('order').description('look at orders');
  remote(
    order
      .command('show')
      .description('why an order is as it is, and what the parties knew: disputes, notices, webhooks, holds'),
  )
    .argument('<id>', 'the id of the order, or of one of its disputes', orderOrDispute)
    .option('--limit <number>', 'how many disputes at most, newest first', wholeNumber(1, MOST_DISPUTES), 10)
    .action(async (id: string, options: ShowOptions) => {
      const known = await readKnown(io, await open(io, options), id, options.limit);
      show(io, options.json, known, () => describe(known));
    });
}
