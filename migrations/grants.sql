-- What the roles of ops/roles.sql may do with the tables. Every run of the migrations ends with it, in the same transaction: no
-- process of the service ever sees a table without these limits. It does nothing in a database for which roles.sql was not run, and
-- nothing for a user who does not own the tables.
DO $$
DECLARE
  name regclass;
BEGIN
  IF to_regrole('resolution_center_app') IS NULL OR NOT EXISTS (
    SELECT FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) AS a
    WHERE d.datname = current_database() AND a.grantee = to_regrole('resolution_center_app')::oid) THEN
    RETURN;
  END IF;
  IF NOT (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('public.log_entries')) THEN
    RETURN;
  END IF;
  -- One by one: an extension may have views in this schema that belong to a superuser.
  FOR name IN SELECT oid FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_has_role(relowner, 'USAGE') LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO resolution_center_app', name);
  END LOOP;
  FOR name IN SELECT oid FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' AND pg_has_role(relowner, 'USAGE') LOOP
    EXECUTE format('GRANT USAGE ON SEQUENCE %s TO resolution_center_app', name);
  END LOOP;

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
