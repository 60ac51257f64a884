import { setTimeout as sleep } from 'node:timers/promises';
import type { DisputeType, Role } from '../../../../src/domain/rules.ts';
import type { History, Reported } from '../verify/history.ts';
import type { Answer, Client } from './client.ts';
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
  readonly change: Change | null;
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

/** What a freelancer asks for. */
interface Change {
  readonly deliverBy?: string;
  readonly extras?: readonly object[];
  /** Whether its date passes while the request is open. */
  readonly isSoon: boolean;
}

const EXTRAS = [{ title: 'More', price: { amount: 500, currency: 'USD' } }];
const LATER = '2031-12-05T17:00:00.000Z';
const SOON_MS = 4_000;

function changeOf(random: Random): Change {
  return random.pick<Change>([
    { extras: EXTRAS, isSoon: false },
    { deliverBy: LATER, isSoon: false },
    { deliverBy: LATER, extras: EXTRAS, isSoon: false },
    { deliverBy: new Date(Date.now() + SOON_MS).toISOString(), isSoon: true },
  ]);
}

function bodyOf(type: DisputeType, role: Role, change: Change | null) {
  if (type === 'order_update') return { type };
  if (change !== null) {
    const { isSoon: _, ...asked } = change;
    return { type, change: asked };
  }
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
  const change = type === 'order_change' ? changeOf(random) : null;
  const copies = random.chance(0.05) ? random.pick([2, 3, 3, 20]) : 1;
  const request = {
    as: opener,
    method: 'POST',
    path: `/v1/orders/${orderId}/disputes`,
    body: bodyOf(type, opener, change),
    key: `${orderId}-open`,
  } as const;
  const answers = await Promise.all(Array.from({ length: copies }, () => client.insist(request)));
  const ids = new Set(answers.flatMap((answer) => (answer?.status === 201 ? [answer.body.id] : [])));
  if (ids.size > 1) history.contradictions.push(`${orderId} was opened twice with one key`);
  const refused = answers.find((answer) => answer !== null && answer.status !== 201);
  // Its date had passed by the time at which it was heard.
  const isTooLate = change?.isSoon === true && refused?.body.code === 'invalid_change';
  if (refused && !isTooLate) history.contradictions.push(`${orderId} was refused with ${refused.body.code}`);
  const { id, respondBy, serverTime } = answers.find((answer) => answer?.status === 201)?.body ?? {};
  if (id === undefined || respondBy === undefined || serverTime === undefined) return null;
  history.opened.set(orderId, id);
  return { ...story, type, opener, id, change, leftMs: Date.parse(respondBy) - Date.parse(serverTime) };
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

const DATES = [null, '2031-12-01T17:00:00.000Z', '2031-12-20T17:00:00.000Z'] as const;

/** The order service reports a status, and often another date and currency, and goes on until it is heard. */
async function report({ client, random, history, orderId }: Opened, status: string): Promise<Reported | null> {
  const [deliverBy, currency] = [random.pick(DATES), random.pick(['USD', 'USD', 'JPY'])];
  const price = { amount: 15_000, currency };
  const body = { clientId: 'user-7', freelancerId: 'user-9', status, deliverBy, price, revision: 2 };
  const answer = await client.insist({ as: 'order_service', method: 'PUT', path: `/v1/orders/${orderId}`, body });
  if (answer?.status !== 200) return null;
  const reported = { orderId, status, deliverBy, currency };
  history.reported.push(reported);
  return reported;
}

async function reportMeanwhile(opened: Opened): Promise<void> {
  const { random, leftMs } = opened;
  await sleep(leftMs * random.next() * 1.1);
  await report(opened, random.pick(['delivered', 'completed', 'cancelled', 'late', 'in_progress'] as const));
}

/** Whether a report made a change outdated, whatever the time is. */
function isOvertaken({ deliverBy, extras }: Change, reported: Reported): boolean {
  const isNotLater = deliverBy !== undefined && reported.deliverBy !== null && deliverBy <= reported.deliverBy;
  return isNotLater || (extras !== undefined && reported.currency !== 'USD');
}

/** The order service moves the date and the currency while a change is asked for, and the client accepts it. */
async function overtake(opened: Opened, change: Change): Promise<void> {
  const { client, random, history, leftMs, id } = opened;
  await sleep(leftMs * random.next() * 0.6);
  const reporting = report(opened, 'in_progress');
  const isAtOnce = random.chance(0.3);
  const before = isAtOnce ? null : await reporting;
  const answer = (action: string) =>
    client.insist({
      as: 'client',
      method: 'POST',
      path: `/v1/disputes/${id}/${action}`,
      body: {},
      key: `${id}-${action}`,
    });
  const accepted = await answer('accept');
  note(opened, accepted);
  const isOutdated = accepted?.body.code === 'change_outdated';
  if (before !== null && accepted?.status === 200 && isOvertaken(change, before))
    history.contradictions.push(`${id} was accepted, though a report had overtaken it`);
  if (before !== null && isOutdated && !change.isSoon && !isOvertaken(change, before))
    history.contradictions.push(`${id} was refused as outdated, though no report had overtaken it`);
  if (isOutdated && random.chance(0.5)) {
    const declined = await answer('decline');
    note(opened, declined);
    if (declined?.body.code === 'change_outdated') history.contradictions.push(`${id} could not be declined`);
  }
  await reporting;
}

/** A party reads around the deadline: what is shown has to fit the clock that is shown with it. */
async function look({ client, random, history, opener, id, leftMs }: Opened): Promise<void> {
  await sleep(Math.max(0, leftMs + random.int(-50, 250)));
  const answer = await client.send({ as: opener, method: 'GET', path: `/v1/disputes/${id}` });
  if (answer?.status !== 200) return;
  const { status, resolution, respondBy = '', serverTime = '', held = null } = answer.body;
  const isOver = Date.parse(serverTime) >= Date.parse(respondBy);
  // A hold keeps a deadline from taking effect, and the answer says so.
  if (isOver && status === 'open' && held === null)
    history.contradictions.push(`${id} was shown as open past its deadline`);
  if (!isOver && resolution === 'expired') history.contradictions.push(`${id} was shown as expired ahead of time`);
  if (resolution) history.acknowledged.push({ disputeId: id, resolution });
}

/** Opens a dispute on an order, and does to it one of all the things that people and networks do. */
export async function tell(story: Story): Promise<void> {
  const { random } = story;
  const opened = await open(story);
  if (opened === null) return;
  if (opened.change !== null && random.chance(0.5)) return await overtake(opened, opened.change);
  const chance = random.next();
  if (chance < 0.3) return; // silence
  if (chance < 0.4) return await look(opened);
  if (chance < 0.6) return await respond(opened, opened.leftMs * random.next() * 0.8, 1);
  if (chance < 0.8) return await respond(opened, opened.leftMs + random.int(-60, 60), random.int(1, 3));
  if (chance < 0.85) return await withdraw(opened);
  if (chance < 0.92) return await comment(opened);
  await reportMeanwhile(opened);
}
