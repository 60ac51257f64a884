import { deepStrictEqual } from 'node:assert/strict';
import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import type { CallerOf } from './sources/caller.ts';

/**
 * Reports an order, has its client ask for a cancellation and its freelancer accept, and reads it all back; a second dispute and an
 * answer to an older version are refused.
 * @throws if any answer is another than expected
 */
export async function driveMainFlow(url: string, callerOf: CallerOf, orderId: string): Promise<void> {
  const callerWith = async (sub: string, scope?: string) => callerOf(url, await mintToken(TEST_SECRET, { sub, scope }));
  const orders = await callerWith('order-service', 'orders:write');
  const reader = await callerWith('a-reader', 'events:read');
  const [client, freelancer] = [await callerWith('user-7'), await callerWith('user-9')];

  const reported = await orders.report(orderId);
  const offered = await client.offered(orderId);
  const { id, status } = await client.open(orderId);
  const another = await client.openAnother(orderId);
  const listed = await client.list(orderId);
  const seen = await freelancer.read(id);
  const version = await client.comment(id);
  const outdated = await freelancer.acceptOutdated(id, seen.etag);
  const { etag } = await freelancer.read(id);
  const resolution = await freelancer.accept(id, etag);
  const timeline = await client.timeline(id);
  const events = await reader.events(orderId);

  deepStrictEqual(
    {
      reported,
      offered,
      status,
      another,
      listed,
      actions: seen.actions,
      version,
      outdated,
      resolution,
      timeline,
      events,
    },
    {
      reported: 'in_progress',
      offered: ['order_update', 'cancellation'],
      status: 'open',
      another: { code: 'dispute_already_open', disputeId: id },
      listed: [id],
      actions: ['accept', 'decline'],
      version: 2,
      outdated: { code: 'version_mismatch', etag },
      resolution: 'accepted',
      timeline: ['opened', 'comment_added', 'accepted'],
      events: [
        'dispute.opened',
        'order.status_changed',
        'dispute.comment_added',
        'dispute.accepted',
        'order.status_changed',
      ],
    },
  );
}
