-- Statistics, folded from the log behind the writes, so that no write waits for them and none of them reads all disputes.

-- How many disputes that were opened on a day (UTC) are in one state, and how long the respondents took that answered.
CREATE TABLE dispute_statistics (
  day date NOT NULL,
  type text NOT NULL CHECK (type IN ('order_update', 'cancellation', 'order_change')),
  opener_role text NOT NULL CHECK (opener_role IN ('client', 'freelancer')),
  -- Empty where none was given: a part of the key.
  reason text NOT NULL,
  resolution text NOT NULL CHECK (resolution IN ('open', 'accepted', 'declined', 'answered', 'withdrawn', 'expired',
    'superseded')),
  disputes bigint NOT NULL,
  -- Six bytes for each answer, in no order: milliseconds, the most significant byte first.
  responses bytea NOT NULL CHECK (length(responses) % 6 = 0),
  PRIMARY KEY (day, type, opener_role, reason, resolution)
) WITH (fillfactor = 70);

-- It is read much more often than it would be worth to unpack it.
ALTER TABLE dispute_statistics ALTER COLUMN responses SET STORAGE EXTERNAL;

-- How far the log has been folded: the one row says the number of the last entry.
CREATE TABLE statistics_position (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  seq bigint NOT NULL
);

INSERT INTO statistics_position (seq) VALUES (0);
