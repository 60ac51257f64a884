-- What one order or dispute may collect is counted in its row, so that a decision needs no other.
ALTER TABLE disputes ADD COLUMN comment_count integer NOT NULL DEFAULT 0 CHECK (comment_count BETWEEN 0 AND 200);
ALTER TABLE orders
  ADD COLUMN dispute_count integer NOT NULL DEFAULT 0 CHECK (dispute_count BETWEEN 0 AND 500),
  -- Who opened disputes within the last 24 hours and when: [{ role, at }], oldest first.
  ADD COLUMN openings jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_array_length(openings) <= 20);

UPDATE disputes d SET comment_count = least(200, c.count) FROM (
  SELECT dispute_id, count(*)::integer AS count FROM log_entries WHERE type = 'dispute.comment_added' GROUP BY dispute_id) AS c
WHERE d.id = c.dispute_id;
UPDATE orders o SET dispute_count = least(500, c.count) FROM (
  SELECT order_id, count(*)::integer AS count FROM disputes GROUP BY order_id) AS c
WHERE o.id = c.order_id;

-- An entry of the log does not repeat the extras of its order: the change of its dispute has those that it added.
UPDATE log_entries SET data = jsonb_set(data #- '{order,extras}', '{order,extrasCount}',
  to_jsonb(jsonb_array_length(data #> '{order,extras}')))
WHERE jsonb_typeof(data #> '{order,extras}') = 'array';
