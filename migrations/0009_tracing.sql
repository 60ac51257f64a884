-- Where a trace goes on: in the job that is due in days, and in the webhooks that tell of it. Null where nothing is traced.
ALTER TABLE log_entries ADD COLUMN trace_parent text;
ALTER TABLE timers ADD COLUMN trace_parent text;
