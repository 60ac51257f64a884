import { beforeAll, describe, expect, test } from 'vitest';
import { seedAcceptedChange } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { deliveriesOf, LOCAL, manager, settledDeliveries, subscribe } from '../../webhooks/endpoints.ts';
import { startReceiver } from '../../webhooks/receiver.ts';
import { canTravel, startTravellingDatabase, type TravellingDatabase } from './clock.ts';

const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
// A skipped test says why: without libfaketime (Debian: apt-get install faketime) no clock can be moved.
const travelling = canTravel ? describe : describe.skip;

travelling('with the clock of PostgreSQL moved (needs faketime)', () => {
  let database: TravellingDatabase;
  let service: Service;

  beforeAll(async () => {
    database = await startTravellingDatabase();
    service = await startService({ role: 'all', env: LOCAL, databaseUrl: database.url });
  });

  test('a receiver that was down for 24 hours gets everything, nothing twice by its id, and each order in its order', async () => {
    const receiver = await startReceiver();
    let lost = 0;
    receiver.react = () => {
      lost += 1;
      return { status: 503 };
    };
    const endpoint = await subscribe(service, receiver);
    const orders: string[] = [];
    // What happens during the day is spread over it, and so are the attempts, which fail.
    let travelled = 0;
    for (const until of [0, 30, 10 * MINUTE_S, HOUR_S, 3 * HOUR_S, 9 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S]) {
      if (until > travelled) await database.travelTo(until);
      travelled = until;
      const before = lost;
      orders.push(await seedAcceptedChange(service));
      await waitFor('something was tried', () => lost > before);
    }
    expect(
      (await deliveriesOf(service, endpoint.id)).every(({ status }) => ['pending', 'waiting'].includes(status)),
    ).toBe(true);
    // It is back, elsewhere: until now nothing has been taken, and so nothing counts as received. The clock moves while
    // nothing is on its way: connections notice one after another, and a claim is as old as the clock says that reads it.
    const back = await startReceiver();
    back.secrets = receiver.secrets;
    const change = async (body: Readonly<Record<string, unknown>>) => {
      await manager(service).patch(`/v1/webhook-endpoints/${endpoint.id}`, body);
    };
    await waitFor('every event has its delivery', async () => {
      return (await deliveriesOf(service, endpoint.id)).length === orders.length * 5;
    });
    await change({ active: false });
    await waitFor('nothing is on its way', async () => {
      // A session that is about to claim one has locked it. Waiting for it could be a deadlock, which is not detected here:
      // timers of the server do not fire on a moved clock.
      const free = await database.query<{ claim: string | null }>(
        'SELECT claim FROM webhook_deliveries FOR UPDATE SKIP LOCKED',
      );
      return free.length === orders.length * 5 && free.every(({ claim }) => claim === null);
    });
    await database.travelTo(travelled + 24 * HOUR_S + 3 * HOUR_S);
    await change({ url: back.url, active: true });
    const all = await settledDeliveries(service, endpoint.id, orders.length * 5);
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 'delivered'));
    for (const orderId of orders) {
      const got = back.received.filter(({ message }) => message.data.orderId === orderId);
      expect(got.map(({ message }) => message.data.orderVersion)).toEqual([1, 2, 3, 4, 5]);
    }
    expect(new Set(back.received.map(({ id }) => id)).size).toBe(back.received.length);
    expect(back.applied).toHaveLength(orders.length * 5);
    expect(back.refused).toEqual([]);
  });
});
