-- What decides when a delivery is sent stands in its row and in its endpoint's, as src/domain/webhook-states.ts computes it.

ALTER TABLE webhook_endpoints RENAME COLUMN recovered_at TO released_at;
ALTER TABLE webhook_endpoints
  -- Since the last success.
  ADD COLUMN failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  ADD COLUMN active_since timestamptz,
  ADD COLUMN url_changed_at timestamptz,
  ADD COLUMN types_changed_at timestamptz,
  -- Deliveries behind this id have to be revised, since the endpoint has changed; null if none has to be.
  ADD COLUMN revise_after uuid;
UPDATE webhook_endpoints SET active_since = CASE WHEN active THEN created_at END,
  failures = CASE WHEN failing_since IS NULL THEN 0 ELSE 1 END;
ALTER TABLE webhook_endpoints
  ADD CHECK (active = (active_since IS NOT NULL)),
  ADD CHECK ((failures = 0) = (failing_since IS NULL));

ALTER TABLE webhook_deliveries
  -- When it was made or last asked for again.
  ADD COLUMN queued_at timestamptz,
  -- When the next attempt of its series is; it may be sent earlier.
  ADD COLUMN scheduled_at timestamptz,
  -- Until when its receiver asked us to wait.
  ADD COLUMN asked_until timestamptz;
UPDATE webhook_deliveries SET queued_at = created_at, scheduled_at = next_attempt_at;
ALTER TABLE webhook_deliveries
  ALTER COLUMN queued_at SET NOT NULL,
  DROP CONSTRAINT webhook_deliveries_status_check,
  DROP CONSTRAINT webhook_deliveries_check1,
  -- skipped: its endpoint does not want its type any more.
  ADD CONSTRAINT webhook_deliveries_status_check
    CHECK (status IN ('waiting', 'pending', 'delivered', 'failed', 'skipped')),
  ADD CONSTRAINT webhook_deliveries_finished_check
    CHECK ((status IN ('delivered', 'failed', 'skipped')) = (finished_at IS NOT NULL)),
  -- A removed endpoint's deliveries are deleted in steps, after it.
  DROP CONSTRAINT webhook_deliveries_endpoint_id_fkey;

DROP INDEX webhook_deliveries_undelivered;
CREATE INDEX webhook_deliveries_owed ON webhook_deliveries (endpoint_id, queued_at) WHERE status IN ('waiting', 'pending');

-- Whether it was one of the ten, and no early one.
ALTER TABLE webhook_attempts ADD COLUMN counted boolean NOT NULL DEFAULT true;

-- Endpoints whose deliveries are still to be deleted.
CREATE TABLE webhook_endpoints_removed (
  endpoint_id uuid PRIMARY KEY,
  removed_at timestamptz NOT NULL
);
