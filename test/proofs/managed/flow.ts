import type { Clients } from '../../harness/client.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import type { Dispute, EventPage, Order } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';

/** What a run of the main flow came to. */
export interface Flow {
  readonly accepted: Dispute;
  readonly cancelled: Order;
  readonly events: number;
}

/** One dispute that is answered, and one that is met with silence: windows have to be short. */
export async function runMainFlow(service: Clients): Promise<Flow> {
  const answered = await seedDispute(service, 'order_change');
  const accepted = await service.as(CLIENT).post<Dispute>(`/v1/disputes/${answered.id}/accept`, { comment: 'Fine.' });
  const { id: orderId } = await seedOrder(service);
  await seedDispute(service, 'cancellation', { orderId });
  const cancelled = await waitFor('silence takes effect', async () => {
    const { body } = await service.as(FREELANCER).get<Order>(`/v1/orders/${orderId}`);
    return body.status === 'mutually_cancelled' && body;
  });
  const feed = await service.withScopes('events:read').get<EventPage>(`/v1/events?orderId=${orderId}`);
  return { accepted: accepted.body, cancelled, events: feed.body.data.length };
}
