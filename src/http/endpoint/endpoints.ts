import { erasureRoutes } from '../../erasures/routes.ts';
import { statisticsRoutes } from '../../statistics/routes.ts';
import { webhookDeliveryRoutes } from '../../webhooks/http/delivery-routes.ts';
import { webhookEndpointRoutes } from '../../webhooks/http/endpoint-routes.ts';
import { deadlineRoutes } from '../routes/deadlines.ts';
import { disputeRoutes } from '../routes/disputes.ts';
import { eventStreamRoutes } from '../routes/event-stream.ts';
import { eventRoutes } from '../routes/events.ts';
import { holdRoutes } from '../routes/holds.ts';
import { listRoutes } from '../routes/lists.ts';
import { orderRoutes } from '../routes/orders.ts';
import { reasonRoutes } from '../routes/reasons.ts';
import { resolutionCenterRoutes } from '../routes/resolution-center.ts';
import type { Endpoint } from './endpoint.ts';

/** All operations of the API. What is not in this list does not exist, neither as a route nor in the document. */
export const endpoints: readonly Endpoint[] = [
  ...orderRoutes,
  ...resolutionCenterRoutes,
  ...disputeRoutes,
  ...listRoutes,
  ...eventRoutes,
  ...webhookEndpointRoutes,
  ...webhookDeliveryRoutes,
  ...eventStreamRoutes,
  ...reasonRoutes,
  ...statisticsRoutes,
  ...deadlineRoutes,
  ...holdRoutes,
  ...erasureRoutes,
];
