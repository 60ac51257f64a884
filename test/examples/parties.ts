import { REQUESTS } from '../harness/seed.ts';
import type { Dispute, OpenDisputeRequest, OrderReport } from '../harness/types.ts';
import type { Stage } from './stage.ts';

/** What the README's walk reports. */
export const NEW_ORDER: OrderReport = {
  clientId: 'user-7',
  freelancerId: 'user-9',
  status: 'in_progress',
  deliverBy: '2036-12-01T17:00:00.000Z',
  price: { amount: 15_000, currency: 'USD' },
  revision: 1,
  title: 'Logo design',
};

const CANCELLATION: OpenDisputeRequest = {
  type: 'cancellation',
  reason: 'late_delivery',
  comment: 'Two weeks late.',
};

const ORDER_CHANGE: OpenDisputeRequest = {
  type: 'order_change',
  change: { deliverBy: '2036-12-15T17:00:00.000Z', ...REQUESTS.order_change.change },
  comment: 'The brand colours came late.',
};

/** The README's walk: a cancellation that the freelancer accepts. */
export async function cancelByAgreement({ recorder, orderService, client, freelancer, ...stage }: Stage) {
  const { succeed } = recorder;
  const path = { orderId: 'order-1001' };
  await succeed('reportOrder', orderService, { path, body: NEW_ORDER }, ['new_order', 'A new order']);
  // The first success of the document is the one that mock servers answer with: it has to be about the same order.
  await succeed('reportOrder', orderService, { path, body: NEW_ORDER }, ['unchanged', 'The same report again']);
  await succeed('getOrder', client, { path }, ['in_progress', 'An order in progress']);
  await succeed('getResolutionCenter', client, { path }, ['nothing_open', 'As the client sees it, with nothing open']);
  const opened = await succeed<Dispute>('openDispute', client, { path, body: CANCELLATION }, [
    'cancellation',
    'A client asks to cancel',
  ]);
  const dispute = { id: opened.id };
  await succeed('getOrder', client, { path }, ['in_dispute', 'An order in dispute']);
  const forFreelancer = ['action_required', 'As the freelancer sees it, who has to answer'] as const;
  await succeed('getResolutionCenter', freelancer, { path }, forFreelancer);
  await succeed('getDispute', freelancer, { path: dispute }, forFreelancer);
  await succeed('getDispute', client, { path: dispute }, ['awaiting_other_party', 'As the client sees it, who waits']);
  await succeed('markDisputeSeen', freelancer, { path: dispute }, ['first', 'The freelancer has seen the request']);
  const notice = { role: 'freelancer', channel: 'email', deliveredAt: new Date().toISOString() };
  await succeed('recordNotice', stage.service.withScopes('notices:write'), { path: dispute, body: notice }, [
    'email',
    'The freelancer has got a mail',
  ]);
  await succeed('getDisputeSummary', freelancer, {}, ['one', 'One request waits for an answer']);
  await succeed('listDisputes', freelancer, { query: '?awaiting=me' }, ['awaiting_me', 'One open dispute']);
  await stage.letHoursPass(opened.id, 3);
  const comment = { comment: 'The first draft is ready.' };
  await succeed('addComment', freelancer, { path: dispute, body: comment }, ['comment', 'A comment of the freelancer']);
  await succeed('acceptDispute', freelancer, { path: dispute, body: { comment: 'Sorry.' } }, [
    'with_comment',
    'The freelancer agrees, and says why',
  ]);
  await succeed('getOrder', client, { path }, ['mutually_cancelled', 'An order that was cancelled by agreement']);
  await succeed('getTimeline', client, { path: dispute }, ['accepted', 'A request that was accepted']);
  await succeed('getDispute', client, { path: dispute }, ['resolved', 'A dispute that is resolved']);
  const service = stage.service.withScopes('disputes:read');
  await succeed('getDispute', service, { path: dispute }, ['for_a_service', 'As a service sees it, without comments']);
}

/** A request for an update that is answered, and the delivery that follows. */
export async function provideAnUpdate({ recorder: { succeed }, orderService, client, freelancer, ...stage }: Stage) {
  const path = { orderId: 'order-1002' };
  await succeed('reportOrder', orderService, { path, body: NEW_ORDER });
  const opened = await succeed<Dispute>('openDispute', client, { path, body: { type: 'order_update' } }, [
    'order_update',
    'A client asks for a progress update',
  ]);
  await stage.letHoursPass(opened.id, 2);
  const body = { comment: 'The first draft comes tomorrow.' };
  await succeed('provideUpdate', freelancer, { path: { id: opened.id }, body }, ['progress', 'The freelancer answers']);
  const delivered = { ...NEW_ORDER, status: 'delivered', revision: 2 };
  await succeed('reportOrder', orderService, { path, body: delivered }, ['delivered', 'A known order, delivered']);
}

/** A change that is declined, asked for again, and withdrawn. */
export async function askForAChange({ recorder: { succeed }, orderService, client, freelancer, ...stage }: Stage) {
  const path = { orderId: 'order-1003' };
  await succeed('reportOrder', orderService, { path, body: NEW_ORDER });
  const first = await succeed<Dispute>('openDispute', freelancer, { path, body: ORDER_CHANGE }, [
    'order_change',
    'A freelancer asks for more time and for an extra',
  ]);
  await stage.letHoursPass(first.id, 5);
  const no = { comment: 'The date is fixed.' };
  await succeed('declineDispute', client, { path: { id: first.id }, body: no }, [
    'with_comment',
    'The client declines',
  ]);
  const second = await succeed<Dispute>('openDispute', freelancer, { path, body: ORDER_CHANGE });
  await stage.letHoursPass(second.id, 1);
  const back = { comment: 'We found another way.' };
  await succeed('withdrawDispute', freelancer, { path: { id: second.id }, body: back }, [
    'with_comment',
    'The freelancer takes the request back',
  ]);
  await succeed('listOrderDisputes', client, { path }, ['two', 'Two disputes, newest first']);
  await succeed('listReasons', client, { query: '?role=client' }, ['client', "The client's reasons"]);
}
