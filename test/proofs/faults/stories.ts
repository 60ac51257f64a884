import { setTimeout as sleep } from 'node:timers/promises';
import type { DisputeType, Role } from '../../../src/domain/rules.ts';
import type { Answer, Client } from './client.ts';
import type { History } from './history.ts';
import type { Random } from './random.ts';

/** What happens to one order. */
export interface Story {
  readonly client: Client;
  readonly history: History;
  readonly random: Random;
  readonly orderId: string;
}

/** A dispute that was opened, as its clients know it. */
interface Opened extends Story {
  readonly type: DisputeType;
  readonly opener: Role;
  readonly id: string;
  /** How long it had left when it was opened, in milliseconds, by the database's clock. */
  readonly leftMs: number;
}

const ROLES: Readonly<Record<DisputeType, readonly Role[]>> = {
  order_update: ['client'],
  cancellation: ['client', 'freelancer'],
  order_change: ['freelancer'],
};

const ANSWERS: Readonly<Record<DisputeType, readonly string[]>> = {
  order_update: ['provide-update'],
  cancellation: ['accept', 'decline'],
  order_change: ['accept', 'decline'],
};

function bodyOf(type: DisputeType, role: Role) {
  if (type === 'order_update') return { type };
  if (type === 'order_change')
    return { type, change: { extras: [{ title: 'More', price: { amount: 500, currency: 'USD' } }] } };
  return role === 'client' ? { type, comment: 'Late.' } : { type, reason: 'unable_to_complete' };
}

const other = (role: Role): Role => (role === 'client' ? 'freelancer' : 'client');

/** Writes down what an answer to an action on a dispute promises. */
function note({ history, id }: Opened, answer: Answer | null): void {
  if (answer?.status === 200 && answer.body.resolution) {
    history.acknowledged.push({ disputeId: id, resolution: answer.body.resolution });
  } else if (answer?.body.code === 'response_window_closed') {
    history.acknowledged.push({ disputeId: id, resolution: 'expired' });
  } else if (answer?.body.code === 'dispute_not_open') {
    history.refusedAsResolved.push(id);
  }
}

async function open(story: Story): Promise<Opened | null> {
  const { client, history, random, orderId } = story;
  const type = random.pick(['order_update', 'cancellation', 'cancellation', 'order_change'] as const);
  const opener = random.pick(ROLES[type]);
  const copies = random.chance(0.05) ? random.pick([2, 3, 3, 20]) : 1;
  const request = {
    as: opener,
    method: 'POST',
    path: `/v1/orders/${orderId}/disputes`,
    body: bodyOf(type, opener),
    key: `${orderId}-open`,
  } as const;
  const answers = await Promise.all(Array.from({ length: copies }, () => client.insist(request)));
  const ids = new Set(answers.flatMap((answer) => (answer?.status === 201 ? [answer.body.id] : [])));
  if (ids.size > 1) history.contradictions.push(`${orderId} was opened twice with one key`);
  const refused = answers.find((answer) => answer !== null && answer.status !== 201);
  if (refused) history.contradictions.push(`${orderId} was refused with ${refused.body.code}`);
  const { id, respondBy, serverTime } = answers.find((answer) => answer?.status === 201)?.body ?? {};
  if (id === undefined || respondBy === undefined || serverTime === undefined) return null;
  history.opened.set(orderId, id);
  return { ...story, type, opener, id, leftMs: Date.parse(respondBy) - Date.parse(serverTime) };
}

/** The respondent answers after a while: once, or several times at once with different answers. */
async function respond(opened: Opened, afterMs: number, copies: number): Promise<void> {
  const { client, random, type, id } = opened;
  const actions = Array.from({ length: copies }, () => random.pick(ANSWERS[type]));
  await sleep(Math.max(0, afterMs));
  const send = async (action: string, index: number) => {
    const path = `/v1/disputes/${id}/${action}`;
    const body = { comment: 'An answer.' };
    const key = `${id}-answer-${index}`;
    note(opened, await client.insist({ as: other(opened.opener), method: 'POST', path, body, key }));
  };
  await Promise.all(actions.map(send));
}

async function withdraw(opened: Opened): Promise<void> {
  const { client, opener, id, leftMs, random } = opened;
  await sleep(leftMs * random.next() * 0.5);
  const path = `/v1/disputes/${id}/withdraw`;
  note(opened, await client.insist({ as: opener, method: 'POST', path, body: {}, key: `${id}-withdraw` }));
}

async function comment(opened: Opened): Promise<void> {
  const { client, opener, id, history } = opened;
  const path = `/v1/disputes/${id}/comments`;
  const request = { as: opener, method: 'POST', path, body: { comment: 'Well?' }, key: `${id}-comment` } as const;
  const answer = await client.insist(request);
  if (answer?.status === 200) history.commented.push(id);
  else note(opened, answer);
}

/** The order service reports something meanwhile, and goes on until it is heard. */
async function report({ client, random, history, orderId, leftMs }: Opened): Promise<void> {
  await sleep(leftMs * random.next() * 1.1);
  const price = { amount: 15_000, currency: 'USD' };
  const status = random.pick(['delivered', 'completed', 'cancelled', 'late'] as const);
  const body = { clientId: 'user-7', freelancerId: 'user-9', status, deliverBy: null, price, revision: 2 };
  const answer = await client.insist({ as: 'order_service', method: 'PUT', path: `/v1/orders/${orderId}`, body });
  if (answer?.status === 200) history.reported.push({ orderId, status });
}

/** A party reads around the deadline: what is shown has to fit the clock that is shown with it. */
async function look({ client, random, history, opener, id, leftMs }: Opened): Promise<void> {
  await sleep(Math.max(0, leftMs + random.int(-50, 250)));
  const answer = await client.send({ as: opener, method: 'GET', path: `/v1/disputes/${id}` });
  if (answer?.status !== 200) return;
  const { status, resolution, respondBy = '', serverTime = '' } = answer.body;
  const isOver = Date.parse(serverTime) >= Date.parse(respondBy);
  if (isOver && status === 'open') history.contradictions.push(`${id} was shown as open past its deadline`);
  if (!isOver && resolution === 'expired') history.contradictions.push(`${id} was shown as expired ahead of time`);
  if (resolution) history.acknowledged.push({ disputeId: id, resolution });
}

/** Opens a dispute on an order, and does to it one of all the things that people and networks do. */
export async function tell(story: Story): Promise<void> {
  const { random } = story;
  const opened = await open(story);
  if (opened === null) return;
  const chance = random.next();
  if (chance < 0.3) return; // silence
  if (chance < 0.4) return await look(opened);
  if (chance < 0.6) return await respond(opened, opened.leftMs * random.next() * 0.8, 1);
  if (chance < 0.8) return await respond(opened, opened.leftMs + random.int(-60, 60), random.int(1, 3));
  if (chance < 0.85) return await withdraw(opened);
  if (chance < 0.92) return await comment(opened);
  await report(opened);
}
