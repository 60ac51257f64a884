import type { z } from 'zod';
import type * as disputes from '../../src/http/schemas/disputes.ts';
import type * as events from '../../src/http/schemas/events.ts';
import type * as orders from '../../src/http/schemas/orders.ts';

/** The resources of the API as they arrive. */
export type Order = z.output<typeof orders.Order>;
export type OrderReport = z.input<typeof orders.OrderReport>;
export type Dispute = z.output<typeof disputes.Dispute>;
export type OpenDisputeRequest = z.input<typeof disputes.OpenDisputeRequest>;
export type Timeline = z.output<typeof disputes.Timeline>;
export type FeedEvent = z.output<typeof events.Event>;
export type EventPage = z.output<typeof events.EventPage>;
