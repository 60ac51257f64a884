-- One index for each way in which disputes are listed.

CREATE INDEX disputes_by_client ON disputes (client_id, opened_at, id);
CREATE INDEX disputes_by_freelancer ON disputes (freelancer_id, opened_at, id);
CREATE INDEX disputes_by_opened ON disputes (opened_at, id);
CREATE INDEX disputes_by_respond_by ON disputes (respond_by, id);
CREATE INDEX disputes_by_updated ON disputes (updated_at, id);
-- What is open is a small part of all, and what services ask for most.
CREATE INDEX disputes_open_by_opened ON disputes (opened_at, id) WHERE status = 'open';
CREATE INDEX disputes_by_resolution ON disputes (resolution, opened_at, id) WHERE status = 'resolved';
