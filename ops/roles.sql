-- Three roles for the service's database: one that migrates and owns the tables, one that the service works with and that
-- can neither change the schema nor delete facts, and one to look at facts without what people wrote.
--
-- Run it as a superuser or as the database's owner with CREATEROLE: once before the first migration, and again after each
-- one. Passwords are yours to set: ALTER ROLE resolution_center_app PASSWORD '…'. Then:
--   DATABASE_URL=postgres://resolution_center_migrate:…  npm run migrate
--   DATABASE_URL=postgres://resolution_center_app:…      npm start

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['resolution_center_migrate', 'resolution_center_app', 'resolution_center_read'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
  END LOOP;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO resolution_center_migrate;
GRANT USAGE ON SCHEMA public TO resolution_center_app, resolution_center_read;

-- The service may use what later migrations add; the readers below may not until it is listed.
ALTER DEFAULT PRIVILEGES FOR ROLE resolution_center_migrate IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO resolution_center_app;
ALTER DEFAULT PRIVILEGES FOR ROLE resolution_center_migrate IN SCHEMA public
  GRANT USAGE ON SEQUENCES TO resolution_center_app;

DO $$
BEGIN
  IF to_regclass('public.log_entries') IS NULL THEN
    RETURN; -- before the first migration
  END IF;
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO resolution_center_app;
  GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO resolution_center_app;

  -- Facts are never deleted; of the log, only the number is given later, and a comment may be erased.
  REVOKE DELETE ON orders, disputes, holds, erasures, dispute_statistics, statistics_position FROM resolution_center_app;
  REVOKE UPDATE, DELETE ON log_entries FROM resolution_center_app;
  GRANT UPDATE (seq, comment, comment_erased_at) ON log_entries TO resolution_center_app;
  REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM resolution_center_app;

  -- But for what belongs to a test clock of a sandbox, and goes with it.
  GRANT EXECUTE ON FUNCTION delete_log_of_test_clock, delete_orders_of_test_clock TO resolution_center_app;

  -- Column by column where people wrote something; kept answers contain it, too, and are not for reading at all.
  GRANT SELECT ON schema_migrations, orders, timers, deadline_failures, holds, erasures, dispute_statistics,
    statistics_position, test_clocks, test_clock_holds, workers TO resolution_center_read;
  GRANT SELECT (id, order_id, client_id, freelancer_id, type, status, opener_role, reason, change, opened_at, updated_at,
    respond_by, deadline_seq, resolution, resolved_by_role, resolved_by_id, resolved_at, version, held_ms,
    reminders_ms, remind_at, comment_count, notices, test_clock_id) ON disputes TO resolution_center_read;
  GRANT SELECT (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause,
    comment_erased_at, data, seq) ON log_entries TO resolution_center_read;

  -- Without secrets, though they are encrypted, and without what receivers answered.
  GRANT SELECT (id, url, description, types, include_comments, active, disabled_reason, disabled_at, previous_secret_until,
    active_since, position, failing_since, failures, released_at, url_changed_at, types_changed_at, revise_after,
    created_by, created_at, updated_at) ON webhook_endpoints TO resolution_center_read;
  GRANT SELECT ON webhook_deliveries, webhook_endpoints_removed TO resolution_center_read;
  GRANT SELECT (id, delivery_id, at, duration_ms, status_code, error, with_comments, counted, order_id) ON webhook_attempts TO resolution_center_read;
END $$;
