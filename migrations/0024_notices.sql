-- How the parties of a dispute heard of it: [{ kind, at, role?, channel? }]. At most 5 reminders, and of each party a first look
-- and the first notice on each of 10 channels.
ALTER TABLE disputes ADD COLUMN notices jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_array_length(notices) <= 27);

-- Each notice is a change that `version` counts.
UPDATE disputes d SET notices = r.notices, version = d.version + jsonb_array_length(r.notices) FROM (
  SELECT dispute_id, jsonb_agg(jsonb_build_object('kind', 'reminded',
    'at', (extract(epoch FROM occurred_at) * 1000)::bigint) ORDER BY order_version) AS notices
  FROM log_entries WHERE type = 'dispute.reminder_due' GROUP BY dispute_id) AS r
WHERE d.id = r.dispute_id AND d.status = 'open';

ALTER TABLE log_entries DROP CONSTRAINT log_entries_actor_role_check, ADD CONSTRAINT log_entries_actor_role_check
  CHECK (actor_role IN ('client', 'freelancer', 'system', 'order_service', 'notifier')) NOT VALID;
