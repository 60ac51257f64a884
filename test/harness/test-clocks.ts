import type { z } from 'zod';
import type * as schemas from '../../src/http/schemas/test-clocks.ts';
import type { Clients } from './client.ts';
import { newOrderId, seedOrder } from './seed.ts';
import type { Order } from './types.ts';

export type TestClock = z.output<typeof schemas.TestClock>;
export type TestClockDetails = z.output<typeof schemas.TestClockDetails>;
export type AdvancedTestClock = z.output<typeof schemas.AdvancedTestClock>;

/** What a service that has test clocks is started with. */
export const SANDBOX = { MODE: 'sandbox' } as const;

export const tester = (service: Clients) => service.withScopes('test:clocks');

/** Makes a test clock; it begins with the real time unless told. */
export async function makeClock(service: Clients, now?: string): Promise<TestClock> {
  return (await tester(service).post<TestClock>('/v1/test-clocks', { now })).body;
}

/** Reports a new order on a test clock. */
export async function orderOnClock(service: Clients, { id }: Pick<TestClock, 'id'>): Promise<Order> {
  return await seedOrder(service, { testClockId: id }, newOrderId());
}

/** Advances a test clock by an ISO 8601 duration, and waits for its end. */
export async function advance(service: Clients, { id }: Pick<TestClock, 'id'>, by: string): Promise<AdvancedTestClock> {
  return (await tester(service).post<AdvancedTestClock>(`/v1/test-clocks/${id}/advance?wait=30`, { by })).body;
}
