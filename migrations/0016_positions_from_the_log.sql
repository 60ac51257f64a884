-- Positions go on behind the last one in the log: logical replication does not copy where a sequence stands.
DROP SEQUENCE log_sequence;
