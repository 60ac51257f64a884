import { erasureOperations } from '../../erasures/routes.ts';
import { statisticsOperations } from '../../statistics/routes.ts';
import { webhookDeliveryOperations } from '../../webhooks/http/delivery-routes.ts';
import { webhookEndpointOperations } from '../../webhooks/http/endpoint-routes.ts';
import { deadlineOperations } from '../routes/deadlines.ts';
import { disputeOperations } from '../routes/disputes.ts';
import { eventStreamOperations } from '../routes/event-stream.ts';
import { eventOperations } from '../routes/events.ts';
import { holdOperations } from '../routes/holds.ts';
import { listOperations } from '../routes/lists.ts';
import { orderOperations } from '../routes/orders.ts';
import { reasonOperations } from '../routes/reasons.ts';
import { resolutionCenterOperations } from '../routes/resolution-center.ts';
import type { Operation } from './endpoint.ts';

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
