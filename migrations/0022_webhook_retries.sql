-- First attempts and retries have slots of their own at an endpoint, so that retries never delay other orders.
ALTER TABLE webhook_deliveries
  -- Whether its last attempt failed, at the endpoint as it is now.
  ADD COLUMN is_retry boolean NOT NULL DEFAULT false;
UPDATE webhook_deliveries SET is_retry = true WHERE status = 'pending' AND attempts > 0;

DROP INDEX webhook_deliveries_due;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, is_retry, next_attempt_at, id)
  WHERE status = 'pending';
-- The attempts that take up slots.
CREATE INDEX webhook_deliveries_under_way ON webhook_deliveries (endpoint_id, last_attempt_at) WHERE claim IS NOT NULL;
