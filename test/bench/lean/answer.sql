\set n :n + 1
\set k (:n * :c + :client_id)
BEGIN;
SELECT order_id AS oid, version AS v FROM disputes WHERE id = md5((:k)::text)::uuid AND status = 'open' FOR UPDATE \gset
SELECT clock_timestamp() AS now, gen_random_uuid() AS key \gset
UPDATE disputes SET status = 'resolved', resolution = 'accepted', resolved_at = (:now)::timestamptz, version = version + 1 WHERE id = md5((:k)::text)::uuid RETURNING *;
UPDATE orders SET deliver_by = deliver_by + interval '3 days', revision = revision + 1, version = version + 1, updated_at = (:now)::timestamptz WHERE id = (:oid)::text;
INSERT INTO events VALUES (md5((:k)::text)::uuid, (:v)::int + 1, (:now)::timestamptz, 'accepted', '{"role":"client","id":"cli_1"}', '{"resolution":"accepted"}');
INSERT INTO idempotency_keys VALUES ('cli_1', (:key)::text, '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 200, jsonb_build_object('status', 'resolved', 'version', 2), (:now)::timestamptz);
COMMIT;
