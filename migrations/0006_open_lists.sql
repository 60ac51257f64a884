-- What is open is a small part of all, in every order in which it is listed.

DROP INDEX disputes_due;
CREATE INDEX disputes_due ON disputes (respond_by, id) WHERE status = 'open';
CREATE INDEX disputes_open_by_updated ON disputes (updated_at, id) WHERE status = 'open';
