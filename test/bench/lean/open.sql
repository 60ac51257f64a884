\set n :n + 1
\set k ((:n * :c + :client_id) * 7368787) % 1000000
BEGIN;
SELECT * FROM orders WHERE id = 'ord_' || (:k)::text FOR UPDATE;
SELECT clock_timestamp() AS now, gen_random_uuid() AS did \gset
INSERT INTO disputes VALUES ((:did)::uuid, 'ord_' || (:k)::text, 'extension', 'open', null, 'client', 'need more time', 'please extend the deadline by three days', (:now)::timestamptz + interval '3 days', (:now)::timestamptz, null, 1, null) RETURNING *;
INSERT INTO events VALUES ((:did)::uuid, 1, (:now)::timestamptz, 'opened', '{"role":"client","id":"cli_1"}', '{"type":"extension","reason":"need more time"}');
INSERT INTO idempotency_keys VALUES ('cli_1', (:did)::text, '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 201, jsonb_build_object('id', (:did)::text, 'status', 'open', 'version', 1), (:now)::timestamptz);
COMMIT;
