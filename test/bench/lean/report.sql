\set n :n + 1
\set k ((:n * :c + :client_id) * 7368787) % 1000000
BEGIN;
SELECT * FROM orders WHERE id = 'ord_' || (:k)::text FOR UPDATE;
SELECT clock_timestamp() AS now, gen_random_uuid() AS eid \gset
UPDATE orders SET lifecycle_status = 'late', revision = revision + 1, version = version + 1, updated_at = (:now)::timestamptz WHERE id = 'ord_' || (:k)::text;
INSERT INTO events VALUES ((:eid)::uuid, 1, (:now)::timestamptz, 'status_changed', '{"role":"order_service","id":"orders"}', '{"status":"late"}');
COMMIT;
