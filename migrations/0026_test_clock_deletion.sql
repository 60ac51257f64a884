-- Facts are never deleted, and the role of the service may not delete them; those of a test clock go with the clock. Functions
-- with the rights of their owner, which delete nothing else: a CHECK keeps clocks away from live orders.
CREATE FUNCTION delete_log_of_test_clock(clock uuid, entry_ids uuid[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH deleted AS (
    DELETE FROM log_entries l USING orders o
    WHERE o.test_clock_id = clock AND l.order_id = o.id AND l.id = ANY (entry_ids) RETURNING l.seq)
  SELECT max(seq) FROM deleted
$$;

CREATE FUNCTION delete_orders_of_test_clock(clock uuid, order_ids text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DELETE FROM disputes d USING orders o WHERE o.id = ANY (order_ids) AND o.test_clock_id = clock AND d.order_id = o.id;
  DELETE FROM orders o WHERE o.id = ANY (order_ids) AND o.test_clock_id = clock;
$$;

REVOKE EXECUTE ON FUNCTION delete_log_of_test_clock, delete_orders_of_test_clock FROM PUBLIC;
