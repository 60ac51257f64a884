import { erasureRoutes } from './erasures/http/routes.ts';
import type { ApiDefinition } from './http/openapi/document.ts';
import { deadlineRoutes } from './http/routes/deadlines.ts';
import { disputeRoutes } from './http/routes/disputes.ts';
import { eventStreamRoutes } from './http/routes/event-stream.ts';
import { eventRoutes } from './http/routes/events.ts';
import { holdRoutes } from './http/routes/holds.ts';
import { listRoutes } from './http/routes/lists.ts';
import { noticeRoutes } from './http/routes/notices.ts';
import { orderRoutes } from './http/routes/orders.ts';
import { reasonRoutes } from './http/routes/reasons.ts';
import { resolutionCenterRoutes } from './http/routes/resolution-center.ts';
import { testClockRoutes } from './http/routes/test-clocks.ts';
import { statisticsRoutes } from './statistics/http/routes.ts';
import { webhookDeliveryRoutes } from './webhooks/http/delivery-routes.ts';
import { webhookEndpointRoutes } from './webhooks/http/endpoint-routes.ts';
import { webhookSection } from './webhooks/http/openapi.ts';

/** The API of a sandbox. An endpoint that is not in this list exists neither as a route nor in the document. */
export const api: ApiDefinition = {
  endpoints: [
    ...orderRoutes,
    ...resolutionCenterRoutes,
    ...disputeRoutes,
    ...noticeRoutes,
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
    ...testClockRoutes,
  ],
  webhooks: webhookSection,
};

/** The API of a live deployment. */
export const liveApi: ApiDefinition = {
  ...api,
  endpoints: api.endpoints.filter(({ sandboxOnly }) => sandboxOnly !== true),
};
