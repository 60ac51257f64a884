-- The events of a user's orders, in sequence, by the role of the user in the order: what a stream of all orders reads after a
-- break. Only the sequencer adds to them, after the commit: an entry without a position is in neither. By hand before an
-- upgrade of a large log: CREATE INDEX CONCURRENTLY with the same name and definition.
CREATE INDEX IF NOT EXISTS log_entries_of_client ON log_entries ((data -> 'order' ->> 'clientId'), seq)
  WHERE seq IS NOT NULL;
CREATE INDEX IF NOT EXISTS log_entries_of_freelancer ON log_entries ((data -> 'order' ->> 'freelancerId'), seq)
  WHERE seq IS NOT NULL;
