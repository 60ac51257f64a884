-- An answer about a dispute begins with its id: {"id":"…". An erasure finds the answers of a dispute by it, however many keys
-- its parties have used. By hand before an upgrade with many kept answers: CREATE INDEX CONCURRENTLY with the same name and definition.
CREATE INDEX IF NOT EXISTS idempotency_keys_of_dispute ON idempotency_keys ((left(response_body, 44)))
  WHERE response_status IN (200, 201);
