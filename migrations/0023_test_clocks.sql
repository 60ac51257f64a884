-- Test clocks, for a sandbox: the time of an order on a clock moves only when a caller advances the clock.
CREATE TABLE test_clocks (
  id uuid PRIMARY KEY,
  name text,
  now timestamptz NOT NULL,
  -- deleting: no caller sees it any more, and what it has is being deleted.
  status text NOT NULL CHECK (status IN ('ready', 'advancing', 'deleting')),
  -- The last advance, from the time before it; while it runs, `now` lies between the two.
  advanced_from timestamptz,
  advance_to timestamptz,
  -- Which process advances it, and until when in real time the others take it for alive.
  lease uuid,
  leased_until timestamptz,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  CHECK ((advanced_from IS NULL) = (advance_to IS NULL)),
  CHECK (now BETWEEN advanced_from AND advance_to),
  CHECK (status <> 'advancing' OR advance_to IS NOT NULL),
  CHECK ((status = 'advancing') = (lease IS NOT NULL)),
  CHECK ((lease IS NULL) = (leased_until IS NULL))
);

CREATE INDEX test_clocks_by_age ON test_clocks (created_at, id);

ALTER TABLE orders
  ADD COLUMN test_clock_id uuid REFERENCES test_clocks (id),
  ADD CHECK (test_clock_id IS NULL OR NOT livemode);
-- That of the order, so that queries of disputes need no order. An order with disputes stays on its clock.
ALTER TABLE disputes ADD COLUMN test_clock_id uuid;

-- Partial: in live mode they are empty.
CREATE INDEX orders_on_test_clock ON orders (test_clock_id, id) WHERE test_clock_id IS NOT NULL;
CREATE INDEX disputes_due_on_test_clock ON disputes (test_clock_id, least(respond_by, remind_at), id)
  WHERE status = 'open' AND test_clock_id IS NOT NULL;
CREATE INDEX disputes_on_test_clock_by_updated ON disputes (test_clock_id, updated_at, id)
  WHERE test_clock_id IS NOT NULL;

-- The last position of the log before entries of a deleted clock were removed from its end: positions are never given twice.
ALTER TABLE deployment ADD COLUMN log_end bigint NOT NULL DEFAULT 0;
