import type { Operation } from './operation.ts';
import { deadlineOperations } from './routes/deadlines.ts';
import { disputeOperations } from './routes/disputes.ts';
import { erasureOperations } from './routes/erasures.ts';
import { eventStreamOperations } from './routes/event-stream.ts';
import { eventOperations } from './routes/events.ts';
import { holdOperations } from './routes/holds.ts';
import { listOperations } from './routes/lists.ts';
import { orderOperations } from './routes/orders.ts';
import { reasonOperations } from './routes/reasons.ts';
import { resolutionCenterOperations } from './routes/resolution-center.ts';
import { statisticsOperations } from './routes/statistics.ts';
import { webhookDeliveryOperations } from './routes/webhook-deliveries.ts';
import { webhookEndpointOperations } from './routes/webhook-endpoints.ts';

/** All operations of the API. What is not in this list does not exist, neither as a route nor in the document. */
export const operations: readonly Operation[] = [
  ...orderOperations,
  ...resolutionCenterOperations,
  ...disputeOperations,
  ...listOperations,
  ...eventOperations,
  ...webhookEndpointOperations,
  ...webhookDeliveryOperations,
  ...eventStreamOperations,
  ...reasonOperations,
  ...statisticsOperations,
  ...deadlineOperations,
  ...holdOperations,
  ...erasureOperations,
];
