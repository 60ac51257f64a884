-- The open disputes of a user, of which the badge on each page counts at most a thousand. By hand before an upgrade with many open
-- disputes: CREATE INDEX CONCURRENTLY with the same names and definitions.
CREATE INDEX IF NOT EXISTS disputes_open_by_client ON disputes (client_id, opener_role, respond_by) WHERE status = 'open';
CREATE INDEX IF NOT EXISTS disputes_open_by_freelancer ON disputes (freelancer_id, opener_role, respond_by) WHERE status = 'open';
