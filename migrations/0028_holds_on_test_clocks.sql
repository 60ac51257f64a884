-- The time that a hold covers on each test clock, by the clock: it begins and ends where the clock stands when the hold does.
CREATE TABLE test_clock_holds (
  test_clock_id uuid NOT NULL REFERENCES test_clocks (id) ON DELETE CASCADE,
  hold_id uuid NOT NULL REFERENCES holds (id),
  started_at timestamptz NOT NULL,
  -- Null while it lasts.
  ended_at timestamptz CHECK (ended_at >= started_at),
  PRIMARY KEY (test_clock_id, hold_id)
);

CREATE INDEX test_clock_holds_of_hold ON test_clock_holds (hold_id);
