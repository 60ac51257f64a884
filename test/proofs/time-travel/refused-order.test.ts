import { beforeAll, describe, expect, test } from 'vitest';
import { LONG } from '../../harness/run/long.ts';
import { CLIENT, seedAcceptedChange, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { deliveriesOf, LOCAL, subscribe } from '../../webhooks/endpoints.ts';
import { type Reaction, type Received, type Receiver, startReceiver } from '../../webhooks/receiver.ts';
import { canTravel, startTravellingDatabase, type TravellingDatabase } from './clock.ts';

const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const EVENTS = 5;
const HUNG = 20;
/** Five minutes without a success would be an outage, which has all that failed tried early: the steps leave two minutes of real time. */
const STEP_S = 180;
/** What the schedule has between one attempt and the next, in seconds. */
const DELAYS_S = [5, 300, 1_800, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S];
// A skipped test says why: without libfaketime (Debian: apt-get install faketime) no clock can be moved.
const travelling = canTravel && LONG ? describe : describe.skip;

travelling(
  'with the clock of PostgreSQL moved (npm run test:long; needs faketime), a receiver that refuses one order, never answers for twenty within the first hour, and accepts all others',
  () => {
    let database: TravellingDatabase;
    let service: Service;
    let receiver: Receiver;
    let refused: string;
    let hung: readonly string[];
    /** Whether the receiver leaves the twenty orders without an answer, and what ends the attempts that it leaves so. */
    let isHanging = true;
    let held: (() => void)[] = [];

    /** The attempts that hang fail; those that come until they hang again are refused. */
    function release(): void {
      isHanging = false;
      for (const fail of held) fail();
      held = [];
    }

    function treat(orderId: string): Reaction | Promise<Reaction> {
      if (orderId === refused) return { status: of(refused).length <= DELAYS_S.length + 1 ? 503 : 204 };
      if (!hung.includes(orderId) || travelled > HOUR_S) return { status: 204 };
      if (!isHanging) return { status: 503 };
      return new Promise((resolve) => held.push(() => resolve({ status: 503 })));
    }
    let travelled = 0;

    beforeAll(async () => {
      database = await startTravellingDatabase();
      service = await startService({ role: 'all', env: LOCAL, databaseUrl: database.url });
      receiver = await startReceiver();
    });

    const of = (orderId: string): Received[] =>
      receiver.received.filter(({ message }) => message.data.orderId === orderId);
    const versionsOf = (orderId: string) => of(orderId).map(({ message }) => message.data.orderVersion);
    /**
     * The events of an order as its receiver takes them: a repeated id is dropped. Delivery is at least once, and an attempt whose
     * claim was made by a connection that had not noticed the moved clock yet is made again.
     */
    const takenOf = (orderId: string) => [
      ...new Map(of(orderId).map(({ id, message }) => [id, message.data.orderVersion])).values(),
    ];

    /** The attempts at the refused event as the owner sees them, once there are so many. */
    async function attemptsAt(endpointId: string, count: number) {
      return await waitFor(`attempt ${count} is recorded`, async () => {
        const all = await deliveriesOf(service, endpointId, '&status=pending');
        const failed = await deliveriesOf(service, endpointId, '&status=failed');
        const first = [...all, ...failed].find(
          ({ orderId, orderVersion }) => orderId === refused && orderVersion === 1,
        );
        // A delivery is read before its attempts: one that is under way may have been recorded between.
        const isAtRest = first !== undefined && (first.nextAttemptAt ?? first.finishedAt) !== null;
        return isAtRest && first.attempts.length >= count && first;
      });
    }

    /** The attempts at the orders that hang that have ended. */
    const ended = async () =>
      (await database.query('SELECT FROM webhook_attempts WHERE order_id = ANY ($1)', [hung])).length;

    test('tries its first event ten times on schedule, delays no other order, and sends no event before its predecessor is over', async () => {
      receiver.react = ({ message }) => treat(message.data.orderId ?? '');
      refused = (await seedOrder(service)).id;
      hung = (await Promise.all(Array.from({ length: HUNG }, () => seedOrder(service)))).map(({ id }) => id);
      const endpoint = await subscribe(service, receiver);
      for (const orderId of hung) await seedDispute(service, 'order_update', { orderId });
      const { id } = await seedDispute(service, 'order_change', { orderId: refused });
      await service.as(CLIENT).post(`/v1/disputes/${id}/accept`);
      const first = versionsOf(refused)[0] ?? 2;
      const others: string[] = [];
      const travelTo = async (seconds: number) => {
        travelled = Math.max(travelled, Math.ceil(seconds));
        release();
        // An attempt that is under way would be lost by the jump, and made again.
        await waitFor('no attempt is under way', async () => {
          return (await database.query('SELECT FROM webhook_deliveries WHERE claim IS NOT NULL LIMIT 1')).length === 0;
        });
        isHanging = true;
        await database.travelWithout('webhook_deliveries', travelled);
      };
      /** Something happens to another order, and is delivered without a wait. */
      const another = async () => {
        const orderId = await seedAcceptedChange(service);
        others.push(orderId);
        const before = await ended();
        await waitFor('another order gets through', () => takenOf(orderId).length === EVENTS, 60_000);
        expect(takenOf(orderId)).toEqual([1, 2, 3, 4, 5]);
        // It waited for the end of no attempt that hangs.
        expect(await ended()).toBe(before);
      };
      await waitFor('all twenty hang', () => held.length === HUNG);
      await another();
      release();
      for (let n = 1; n <= DELAYS_S.length + 1; n += 1) {
        const { attempts, nextAttemptAt } = await attemptsAt(endpoint.id, n);
        expect([first, attempts.length, attempts.every(({ counted }) => counted)]).toEqual([first, n, true]);
        const delay = DELAYS_S[n - 1];
        if (delay === undefined) break;
        const pauseS = (Date.parse(nextAttemptAt ?? '') - Date.parse(attempts.at(-1)?.at ?? '')) / 1_000;
        expect(pauseS).toBeGreaterThanOrEqual(delay);
        // By chance up to a tenth later; what the attempt itself took comes on top.
        expect(pauseS).toBeLessThan(delay * 1.1 + 60);
        // During the first hour something happens to other orders every few minutes: each is accepted.
        const until = travelled + pauseS;
        for (let at = travelled + STEP_S; at < until && travelled <= HOUR_S; at += STEP_S) {
          await travelTo(at);
          await another();
        }
        await travelTo(until + 1);
        if (delay >= 60 && travelled <= HOUR_S) await another();
      }
      await waitFor(
        'all is over',
        async () =>
          (await database.query('SELECT FROM webhook_deliveries WHERE finished_at IS NULL LIMIT 1')).length === 0,
        60_000,
      );
      const failed = await deliveriesOf(service, endpoint.id, '&status=failed');
      expect(failed.map(({ orderId, status, attempts }) => [orderId, status, attempts.length])).toEqual([
        [refused, 'failed', 10],
      ]);
      const begun = Date.parse(failed[0]?.attempts.at(0)?.at ?? '');
      const tookS = (Date.parse(failed[0]?.attempts.at(-1)?.at ?? '') - begun) / 1_000;
      expect(tookS).toBeGreaterThanOrEqual(DELAYS_S.reduce((sum, delay) => sum + delay, 0));
      // Ten times the first event, and only then each of the others, once.
      const versions = versionsOf(refused);
      expect(versions.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => versions[0]));
      expect(takenOf(refused).slice(1)).toEqual([1, 2, 3, 4].map((n) => (versions[0] ?? 0) + n));
      for (const orderId of others) expect(takenOf(orderId)).toEqual([1, 2, 3, 4, 5]);
      // Opened, and expired within the 75 hours: each with a change of the order's status.
      for (const orderId of hung) expect(takenOf(orderId)).toHaveLength(4);
    });
  },
);
