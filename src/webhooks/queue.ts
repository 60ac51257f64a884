import type { Instant } from '../domain/state.ts';
import type { Tx } from '../platform/postgres/database.ts';
import { readClock } from '../store/clock.ts';
import { lineUp, type MessageType, nextDelivery } from './states.ts';
import { type DeliveryRow, findDelivery } from './store/deliveries.ts';
import { type EndpointRow, hearersOf } from './store/endpoints.ts';
import { type FanOut, type Heard, setPosition } from './store/fan-out.ts';
import { lockByMessage, lockDeliveries, lockHeads, saveDeliveries } from './store/states.ts';

type Named = Pick<DeliveryRow, 'id' | 'endpointId' | 'messageId' | 'type'>;
type About = Pick<DeliveryRow, 'orderId' | 'orderVersion' | 'seq' | 'payload'>;

/** A delivery that has just been made, and has no turn yet. */
function newDelivery(named: Named, about: About, now: Instant): DeliveryRow {
  return {
    ...named,
    ...about,
    status: 'waiting',
    attempts: 0,
    isRetry: false,
    queuedAt: now,
    scheduledAt: null,
    askedUntil: null,
    nextAttemptAt: null,
    lastAttemptAt: null,
    claim: null,
    createdAt: now,
    finishedAt: null,
  };
}

function ofEvent({ eventId, ...event }: Heard, endpointId: string, id: string, now: Instant): DeliveryRow {
  const { type, orderId, orderVersion, seq } = event;
  return newDelivery({ id, endpointId, messageId: eventId, type }, { orderId, orderVersion, seq, payload: null }, now);
}

/** Lines up deliveries order by order, each with those of its order that are in its way; returns what has changed. */
function lineUpAll(rows: readonly DeliveryRow[], endpoint: EndpointRow, now: Instant): DeliveryRow[] {
  const byOrder = new Map<string | null, DeliveryRow[]>();
  for (const row of rows) {
    const others = byOrder.get(row.orderId);
    if (others === undefined) byOrder.set(row.orderId, [row]);
    else others.push(row);
  }
  return [...byOrder.values()].flatMap((some) => lineUp(some, endpoint, now));
}

const ordersOf = (rows: readonly Pick<DeliveryRow, 'orderId'>[]): string[] => [
  ...new Set(rows.flatMap(({ orderId }) => orderId ?? [])),
];

/** Lets go, of each order, the delivery that is first in line now; their endpoint is locked. */
export async function advanceLines(
  tx: Tx,
  endpoint: EndpointRow,
  changed: readonly DeliveryRow[],
  now: Instant,
): Promise<void> {
  const heads = await lockHeads(tx, endpoint.id, ordersOf(changed));
  await saveDeliveries(tx, lineUpAll(heads, endpoint, now));
}

/** Saves deliveries of orders that were queued, and lines them up with those that are there. */
async function saveQueued(tx: Tx, endpoint: EndpointRow, queued: readonly DeliveryRow[], now: Instant): Promise<void> {
  const known = new Set(queued.map(({ id }) => id));
  const heads = (await lockHeads(tx, endpoint.id, ordersOf(queued))).filter(({ id }) => !known.has(id));
  const changed = lineUpAll([...queued, ...heads], endpoint, now);
  const last = new Map([...queued, ...changed].map((row) => [row.id, row]));
  await saveDeliveries(tx, [...last.values()]);
}

/**
 * Makes the deliveries of a locked endpoint, and moves its position. An event waits for those of its order that come
 * before it. One that was delivered before is delivered again.
 * @param idOf makes the id of a delivery
 */
export async function queueEvents(tx: Tx, { endpoint, events, position }: FanOut, idOf: () => string): Promise<void> {
  if (events.length > 0) {
    const now = await readClock(tx);
    const eventIds = events.map(({ eventId }) => eventId);
    const known = new Map((await lockByMessage(tx, endpoint.id, eventIds)).map((row) => [row.messageId, row]));
    const queued = events.flatMap((event) => {
      const row = known.get(event.eventId);
      if (row === undefined) return [ofEvent(event, endpoint.id, idOf(), now)];
      // One that is still owed is delivered anyway.
      return row.finishedAt === null ? [] : [nextDelivery(row, endpoint, { kind: 'queued' }, now)];
    });
    await saveQueued(tx, endpoint, queued, now);
  }
  await setPosition(tx, endpoint.id, position);
}

/** A message that is no event of the log. */
export interface Message {
  readonly deliveryId: string;
  readonly messageId: string;
  readonly type: MessageType;
  readonly payload: Record<string, unknown>;
}

/** Has a message sent to an endpoint now. */
export async function queueMessage(
  tx: Tx,
  endpoint: EndpointRow,
  { deliveryId, payload, ...message }: Message,
): Promise<DeliveryRow> {
  const now = await readClock(tx);
  const about = { orderId: null, orderVersion: null, seq: null, payload };
  const made = newDelivery({ id: deliveryId, endpointId: endpoint.id, ...message }, about, now);
  const row = nextDelivery(made, endpoint, { kind: 'turn' }, now);
  await saveDeliveries(tx, [row]);
  return row;
}

/** Sends one message to all active endpoints that hear of its type, but for one; at most `limit` of them. */
export async function broadcast(
  tx: Tx,
  message: Omit<Message, 'deliveryId'>,
  exceptId: string,
  { limit, idOf }: { readonly limit: number; readonly idOf: () => string },
): Promise<void> {
  const hearers = await hearersOf(tx, message.type, exceptId, limit);
  for (const hearer of hearers) await queueMessage(tx, hearer, { ...message, deliveryId: idOf() });
}

/**
 * Has a delivery sent again, with a new series of attempts: now, or when the earlier events of its order are over.
 * @param endpoint its endpoint, which is locked
 * @returns the delivery as it is then; undefined if there is none
 */
export async function queueAgain(tx: Tx, endpoint: EndpointRow, id: string): Promise<DeliveryRow | undefined> {
  const now = await readClock(tx);
  const [row] = await lockDeliveries(tx, [id]);
  if (row === undefined) return undefined;
  const queued = nextDelivery(row, endpoint, { kind: 'queued' }, now);
  if (queued.orderId === null && queued.status === 'waiting') {
    await saveDeliveries(tx, [nextDelivery(queued, endpoint, { kind: 'turn' }, now)]);
  } else {
    await saveQueued(tx, endpoint, [queued], now);
  }
  return await findDelivery(tx, id);
}
