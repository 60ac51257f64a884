-- A hold may count from an instant before it was begun. What a dispute keeps is how much held time its deadline includes, so
-- that a hold that is begun later for an earlier time is counted exactly.
ALTER TABLE holds RENAME COLUMN started_at TO since;
ALTER TABLE holds ADD COLUMN created_at timestamptz;
UPDATE holds SET created_at = since;
ALTER TABLE holds ALTER COLUMN created_at SET NOT NULL;
ALTER TABLE holds ADD CHECK (created_at BETWEEN since AND since + interval '168 hours');

-- While any hold is unfinished, decisions also look at those that ended after the oldest open dispute was opened.
CREATE INDEX holds_by_release ON holds (released_at);
CREATE INDEX holds_by_creation ON holds (created_at, id);

ALTER TABLE disputes ADD COLUMN held_ms bigint NOT NULL DEFAULT 0 CHECK (held_ms >= 0);
UPDATE disputes SET held_ms = shifted.ms
FROM (SELECT dispute_id,
    sum((data->'dispute'->>'respondBy')::bigint - (data->'previous'->>'respondBy')::bigint) AS ms
  FROM log_entries WHERE type = 'dispute.deadline_shifted' GROUP BY dispute_id) AS shifted
WHERE disputes.id = shifted.dispute_id AND disputes.held_through IS NOT NULL;
ALTER TABLE disputes DROP COLUMN held_through;
